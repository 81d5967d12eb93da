#include "reproductions/self_guided/memorisation.h"

#include <ATen/ops/cdist.h>
#include <ATen/ops/stack.h>
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <numeric>
#include <span>
#include <tuple>
#include <vector>

#include "kernels/host_tensor.h"
#include "metrics/statistics/bootstrap.h"
#include "reproductions/sample_artifacts.h"
#include "reproductions/self_guided/sampling.h"

namespace assay::self_guided {
namespace {

constexpr const char* held_out_arm = "real_validation";
/// The share of held-out images that lie nearer than this to a training image.
constexpr double rare = 0.01;
/// Pairs in the picture, five a row.
constexpr std::int64_t most_pairs = 30, columns = 10;

/// The nearest training image of each row, and how far it is.
struct NearestTraining {
  std::vector<std::int64_t> rows;
  std::vector<double> distances;
};

/// Of features [N, D] among `training` [M, D].
NearestTraining nearest_training(const at::Tensor& features, const at::Tensor& training) {
  constexpr std::int64_t at_once = 256;
  NearestTraining nearest;
  for (std::int64_t begin = 0; begin < features.size(0); begin += at_once) {
    const at::Tensor some = features.slice(0, begin, std::min(begin + at_once, features.size(0)));
    // Without matrix products, whose sums depend on the number of threads.
    constexpr std::int64_t without_products = 2;
    const std::tuple<at::Tensor, at::Tensor> smallest =
        at::cdist(some.to(at::kDouble), training.to(at::kDouble), 2.0, without_products).min(1);
    const at::Tensor distances = std::get<0>(smallest).cpu().contiguous(),
                     rows = std::get<1>(smallest).cpu().contiguous();
    const std::span<const double> found(distances.const_data_ptr<double>(), static_cast<std::size_t>(some.size(0)));
    const std::span<const std::int64_t> places(rows.const_data_ptr<std::int64_t>(), found.size());
    nearest.distances.insert(nearest.distances.end(), found.begin(), found.end());
    nearest.rows.insert(nearest.rows.end(), places.begin(), places.end());
  }
  return nearest;
}

Score scored(const Study& s, const std::string& arm, const char* name, const NearestTraining& nearest,
             const nlohmann::json& params, const std::function<double(std::span<const double>)>& statistic) {
  const auto n = static_cast<std::int64_t>(nearest.distances.size());
  const std::vector<double> replicates = bootstrap(
      n,
      [&](std::span<const std::int64_t> chosen) {
        std::vector<double> values;
        values.reserve(chosen.size());
        for (const std::int64_t i : chosen) values.push_back(nearest.distances[static_cast<std::size_t>(i)]);
        return statistic(values);
      },
      s.config.bootstrap, s.run.seed());
  return {.arm = arm,
          .name = name,
          .value = statistic(nearest.distances),
          .n = n,
          .interval = percentile_interval(replicates, fmt::format("bootstrap over images, {}", s.config.bootstrap)),
          .protocol = "nearest-training",
          .params = params};
}

/// Samples and their nearest training images in turn, the nearest pairs first.
Artifact pairs_picture(const Study& s, const std::string& arm, double w, const NearestTraining& samples,
                       const NearestTraining& held_out) {
  std::vector<std::int64_t> order(samples.distances.size());
  std::iota(order.begin(), order.end(), std::int64_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
    return samples.distances[static_cast<std::size_t>(a)] < samples.distances[static_cast<std::size_t>(b)];
  });
  // Whole rows of pairs, since a row that is not full is left out of a picture.
  const std::int64_t pairs_a_row = columns / 2;
  std::int64_t shown = std::min<std::int64_t>(most_pairs, std::ssize(order));
  if (shown > pairs_a_row) shown -= shown % pairs_a_row;
  order.resize(static_cast<std::size_t>(shown));
  std::vector<std::int64_t> training;
  std::vector<double> distances;
  for (const std::int64_t i : order) {
    training.push_back(samples.rows[static_cast<std::size_t>(i)]);
    distances.push_back(samples.distances[static_cast<std::size_t>(i)]);
  }
  const at::Tensor images = rows_of(stored_images(s, arm, w), order), beside = rows_of(s.train.images, training);
  const at::Tensor pairs = at::stack({images, beside}, 1).flatten(0, 1);
  const std::string name = fmt::format("{} w={}, nearest training images", arm, w);
  return sample_picture(
      name, to_bytes(pairs), s.run.artifact_folder() / fmt::format("nearest-{}-w{}.png", arm, w),
      {{"arm", arm + ", nearest training images"},
       {"w", w},
       {"seed", s.run.seed()},
       {"shows", "each sample and to its right the training image nearest to it, nearest pairs first"},
       {"distances", distances},
       {"held_out", {{"median", quantile(held_out.distances, 0.5)}, {"p01", quantile(held_out.distances, rare)}}}},
      columns);
}

}  // namespace

void record_memorisation(Study& s, const std::string& arm, double w, const FdSmall& fd) {
  if (s.validation.images.size(0) == 0) return;
  s.run.stage(fmt::format("memorisation:{}:w{}", arm, w), [&](StageOutput& out) {
    const at::Tensor training = fd.features(s.train.images);
    const NearestTraining samples = nearest_training(stored_features(s, arm, w), training);
    const NearestTraining held_out = nearest_training(fd.features(s.validation.images), training);
    nlohmann::json choices = fd.protocol().choices;
    choices["distance"] = "Euclidean, in features of fd-small";
    out.protocols.push_back({.name = "nearest-training", .choices = std::move(choices)});
    const auto median = [](std::span<const double> values) { return quantile(values, 0.5); };
    const double near = quantile(held_out.distances, rare);
    const auto copied = [near](std::span<const double> values) {
      const auto count = std::count_if(values.begin(), values.end(), [&](double value) { return value < near; });
      return static_cast<double>(count) / static_cast<double>(values.size());
    };
    const nlohmann::json params = guidance_params(w), none = nlohmann::json::object();
    out.scores.push_back(scored(s, arm, "nearest_training", samples, params, median));
    out.scores.push_back(scored(s, held_out_arm, "nearest_training", held_out, none, median));
    out.scores.push_back(scored(s, arm, "copied_share", samples, params, copied));
    out.scores.back().direction = Better::lower;
    out.artifacts.push_back(pairs_picture(s, arm, w, samples, held_out));
  });
}

}  // namespace assay::self_guided
