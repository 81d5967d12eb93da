#include "reproductions/self_guided/signals.h"

#include <ATen/TensorOperators.h>
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "core/philox.h"
#include "core/safetensors.h"
#include "metrics/clustering/clustering.h"
#include "metrics/statistics/bootstrap.h"
#include "reproductions/self_guided/algorithm/pca.h"

namespace assay::self_guided {
namespace {

using Ids = std::vector<std::int64_t>;

std::string held_out_name(const std::string& arm) { return arm + "/validation"; }

double nmi_arithmetic(std::span<const std::int64_t> truth, std::span<const std::int64_t> ids) {
  return nmi(truth, ids);
}
double ami_arithmetic(std::span<const std::int64_t> truth, std::span<const std::int64_t> ids) {
  return ami(truth, ids);
}

/// Agreement of clusters with people's labels, mean over the fits of k-means with a t interval.
Score agreement(const std::string& features, const std::string& name,
                double (*measure)(std::span<const std::int64_t>, std::span<const std::int64_t>), const Ids& truth,
                const std::vector<Ids>& fits, nlohmann::json params, const std::string& labels) {
  std::vector<double> values;
  values.reserve(fits.size());
  for (const Ids& ids : fits) values.push_back(measure(truth, ids));
  params["labels"] = labels;
  Score score{.arm = features,
              .name = name,
              .value = std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size()),
              .direction = Better::higher,
              .n = static_cast<std::int64_t>(truth.size()),
              .protocol = "sklearn",
              .params = std::move(params)};
  if (values.size() > 1) {
    score.interval = paired_difference(values, std::vector<double>(values.size(), 0.0)).interval;
    score.interval->method = fmt::format("t over {} fits of k-means", values.size());
  }
  return score;
}

/// Every fit of k-means with K clusters: ids of the training images and of the held-out ones.
struct Fits {
  std::vector<Ids> train, held_out;
};

Fits fit_all(const Study& s, const EncoderFeatures& features, std::int64_t k) {
  Fits fits;
  for (std::int64_t fit = 0; fit < s.config.kmeans_fits; ++fit) {
    const KMeans fitted = fit_clusters(s, features.train, k, fit);
    fits.train.push_back(kmeans_assign(features.train, fitted.centroids, s.config.kmeans.assign_normalised));
    fits.held_out.push_back(kmeans_assign(features.held_out, fitted.centroids, s.config.kmeans.assign_normalised));
  }
  return fits;
}

/// The clusters that the shipped network knows: they are one fit.
Fits shipped_fit(const ShippedNetwork& network, const std::string& arm) {
  return {{network.ids(arm, Split::train)}, {network.ids(arm, Split::validation)}};
}

/// Stage "clusters": the file of ids, of the training images under the arm's name, of the held-out ones under
/// held_out_name(). The first encoder is compared with PCA of the pixels, whether or not that is an arm.
SafetensorsFile clusters(Study& s) {
  const auto file = s.run.artifact_folder() / "clusters.safetensors";
  s.run.stage("clusters", [&](StageOutput& out) {
    out.protocols.push_back({.name = "sklearn"});
    SafetensorsWriter writer;
    const auto keep = [&](const std::string& arm, const Fits& fits) {
      const Ids &train = fits.train.front(), &held_out = fits.held_out.front();
      writer.add(arm, {static_cast<std::int64_t>(train.size())}, std::span<const std::int64_t>(train));
      writer.add(held_out_name(arm), {static_cast<std::int64_t>(held_out.size())},
                 std::span<const std::int64_t>(held_out));
    };
    const auto record = [&](const std::string& features, std::int64_t k, const std::string& split,
                            const std::vector<Ids>& fits, const LabelledImages& images) {
      const nlohmann::json params = {{"K", k}, {"split", split}};
      out.scores.push_back(agreement(features, "nmi", nmi_arithmetic, images.groups, fits, params, "group"));
      out.scores.push_back(agreement(features, "ami", ami_arithmetic, images.groups, fits, params, "group"));
      out.scores.push_back(agreement(features, "ari", ari, images.groups, fits, params, "group"));
      out.scores.push_back(agreement(features, "nmi", nmi_arithmetic, images.subgroups, fits, params, "subgroup"));
    };
    const EncoderFeatures learned = s.shipped ? EncoderFeatures() : cluster_features(s, s.config.encoders.front());
    const EncoderFeatures pixels = cluster_features(s, Encoder::pca);
    for (const std::int64_t k : s.config.clusters) {
      const Fits fits = s.shipped ? shipped_fit(*s.shipped, self_label_arm(k)) : fit_all(s, learned, k);
      keep(self_label_arm(k), fits);
      record("encoder", k, "train", fits.train, s.train);
      record("encoder", k, "validation", fits.held_out, s.validation);
      record("pca", k, "train", fit_all(s, pixels, k).train, s.train);
    }
    for (std::size_t i = 1; i < s.config.encoders.size(); ++i) {
      const Encoder encoder = s.config.encoders[i];
      const std::int64_t k = s.config.clusters.front();
      const std::string arm = self_label_arm(encoder, k);
      const Fits fits = s.shipped ? shipped_fit(*s.shipped, arm) : fit_all(s, cluster_features(s, encoder), k);
      keep(arm, fits);
      if (encoder != Encoder::pca) record(name_of(encoder, encoder_names), k, "train", fits.train, s.train);
    }
    writer.write(file);
    out.artifacts.push_back({.name = "clusters", .kind = "labels", .file = file, .meta = {{"split", "train"}}});
  });
  return SafetensorsFile(file);
}

Ids ids_of(const SafetensorsFile& file, const std::string& name) {
  const auto values = file.at(name).i64(name);
  return {values.begin(), values.end()};
}

}  // namespace

EncoderFeatures cluster_features(Study& s, Encoder encoder) {
  if (encoder == Encoder::pca) {
    const std::int64_t components = std::min<std::int64_t>(64, s.train.images[0].numel());
    return {pca_features(s.train.images, components), pca_features(s.validation.images, components, s.train.images)};
  }
  const ConvEncoder g =
      encoder == Encoder::simclr ? trained_encoder(s) : ConvEncoder(encoder_config(s.config.encoder), 0);
  const EncoderFeatures features = {pooled_in_batches(g, s.train.images), pooled_in_batches(g, s.validation.images)};
  // Pooled activations are all positive: without their mean, unit vectors point every way.
  const at::Tensor centre = features.train.mean(0);
  return {features.train - centre, features.held_out - centre};
}

KMeans fit_clusters(const Study& s, const at::Tensor& features, std::int64_t clusters, std::int64_t fit) {
  KMeansConfig options = s.config.kmeans;
  options.clusters = clusters;
  // The first fit makes the arm; the others say how much the agreement owes to where k-means began.
  options.seed = fit == 0 ? s.run.seed()
                          : RandomStream(s.run.seed(), Purpose::clustering, static_cast<std::uint64_t>(fit)).bits64();
  return kmeans_fit(features, options);
}

std::vector<Signal> image_signals(Study& s) {
  std::vector<Signal> all;
  all.push_back(
      {{label_arm, s.label_count(), s.labels(s.train)}, {label_arm, s.label_count(), s.labels(s.validation)}});
  const SafetensorsFile ids = clusters(s);
  const auto add = [&](const std::string& arm, std::int64_t k) {
    all.push_back({{arm, k, ids_of(ids, arm)}, {arm, k, ids_of(ids, held_out_name(arm))}});
  };
  for (const std::int64_t k : s.config.clusters) add(self_label_arm(k), k);
  for (std::size_t i = 1; i < s.config.encoders.size(); ++i)
    add(self_label_arm(s.config.encoders[i], s.config.clusters.front()), s.config.clusters.front());

  // A shipped network knows the random ids of its own training.
  const std::uint64_t seed = s.shipped ? s.shipped->seed() : s.run.seed();
  const std::int64_t k = s.config.clusters.front();
  Signal random{{random_arm, k, {}}, {random_arm, k, {}}};
  const std::size_t training = s.train.groups.size(), images = training + s.validation.groups.size();
  for (std::size_t i = 0; i < images; ++i)
    (i < training ? random.train : random.held_out)
        .ids.push_back(static_cast<std::int64_t>(
            RandomStream(seed, Purpose::condition, 1 + i).below(static_cast<std::uint64_t>(k))));
  all.push_back(std::move(random));
  return all;
}

}  // namespace assay::self_guided
