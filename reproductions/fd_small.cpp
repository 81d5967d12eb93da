#include "reproductions/fd_small.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <tuple>

#include "core/hash.h"
#include "metrics/feature_sets/moments.h"
#include "metrics/generative/frechet_bootstrap.h"
#include "metrics/generative/prdc.h"
#include "metrics/statistics/bootstrap.h"

namespace assay {
namespace {

std::span<const float> values_of(const at::Tensor& features) {
  return {features.const_data_ptr<float>(), static_cast<std::size_t>(features.numel())};
}

Gaussian gaussian_of(const at::Tensor& features) {
  FeatureMoments moments(features.size(1));
  moments.add(0, values_of(features));
  return gaussian(moments);
}

double distance_between(const at::Tensor& features, const Gaussian& reference) {
  return frechet(gaussian(values_of(features), features.size(1)), reference).value;
}

}  // namespace

FdSmall::FdSmall(Run& run, const LabelledImages& train, const SmallFeaturesOptions& options, std::int64_t replicates)
    : network_(empty_small_features(train.captions, options)),
      dataset_hash_(run.dataset().hash()),
      replicates_(replicates),
      seed_(run.seed()) {
  const nlohmann::json identity = {
      {"what", "fd-small"}, {"options", to_json(options)}, {"dataset", dataset_hash_}, {"seed", 0}};
  const auto file = run.product("fd-small", identity, [&](const std::filesystem::path& out) {
    const auto progress = run.progress("train fd-small network", options.steps, "steps");
    train_small_features(train.images.to(run.device()), train.captions, options, 0, [&](std::int64_t step, double) {
      progress(step);
    }).save(out, identity.dump());
  });
  network_.load(file, identity.dump());
  network_hash_ = hash_file(file);

  reference_features_ = features(train.images);
  reference_ = gaussian_of(reference_features_);
}

at::Tensor FdSmall::features(const at::Tensor& images) const { return features_in_batches(network_, images); }

ProtocolUse FdSmall::protocol() const {
  return {.name = "fd-small",
          .choices = {{"network", network_hash_},
                      {"reference", fmt::format("training split of {}", dataset_hash_)},
                      {"n_reference", reference_features_.size(0)},
                      {"quantisation", "trunc(clamp((x + 1) * 127.5, 0, 255))"},
                      {"resize", "none"}}};
}

double FdSmall::distance(const at::Tensor& features) const { return distance_between(features, reference_); }

ProtocolUse FdSmall::neighbours() const {
  nlohmann::json choices = protocol().choices;
  choices["features"] = "fd-small";
  choices["weights"] = network_hash_;  // for those of Inception, which prdc5 names by itself
  choices["normalise"] = "x / 127.5 - 1";
  return {.name = "prdc5", .choices = std::move(choices)};
}

std::vector<Score> FdSmall::precision_and_recall(const std::string& arm, const at::Tensor& features,
                                                 const nlohmann::json& params, const at::Tensor& other) const {
  PrdcOptions options;
  options.replicates = std::min<std::int64_t>(replicates_, 200);
  options.bootstrap_seed = seed_;
  const at::Tensor& reference = other.defined() ? other : reference_features_;
  const Prdc found = prdc({values_of(features), features.size(1)}, {values_of(reference), reference.size(1)}, options);
  std::vector<Score> scores;
  for (const auto& [name, value, replicates] : {std::tuple("precision", found.precision, &found.replicates.precision),
                                                std::tuple("recall", found.recall, &found.replicates.recall)}) {
    Score score{.arm = arm,
                .name = name,
                .value = value,
                .direction = Better::higher,
                .n = features.size(0),
                .protocol = "prdc5",
                .params = params};
    if (!replicates->empty()) {
      score.interval = percentile_interval(
          *replicates, fmt::format("{} of the samples, {}", name == std::string("recall") ? "halves" : "bootstrap",
                                   options.replicates));
      score.interval->low = std::max(0.0, score.interval->low);
      score.interval->high = std::min(1.0, score.interval->high);
    }
    scores.push_back(std::move(score));
  }
  return scores;
}

Score FdSmall::score(const std::string& arm, const at::Tensor& features, nlohmann::json params,
                     const at::Tensor& other) const {
  const Gaussian reference = other.defined() ? gaussian_of(other) : reference_;
  const double value = distance_between(features, reference);
  ScoreInterval interval = recentred_interval(
      value,
      frechet_bootstrap(values_of(features), features.size(1), reference, replicates_, seed_, Divisor::n_minus_1, 1),
      fmt::format("bootstrap over samples, {}, about the value", replicates_));
  interval.low = std::max(0.0, interval.low);
  return {.arm = arm,
          .name = "fd-small",
          .value = value,
          .direction = Better::lower,
          .n = features.size(0),
          .interval = std::move(interval),
          .protocol = "fd-small",
          .params = std::move(params)};
}

Score FdSmall::difference(const std::string& arm_a, const at::Tensor& a, const std::string& arm_b, const at::Tensor& b,
                          nlohmann::json params) const {
  const double difference = distance(a) - distance(b);
  const auto replicates = frechet_paired_bootstrap(values_of(a), values_of(b), a.size(1), reference_, replicates_,
                                                   seed_, Divisor::n_minus_1, 1);
  return {
      .arm = arm_a + " - " + arm_b,
      .name = "fd-small difference",
      .value = difference,
      .direction = Better::lower,
      .n = a.size(0),
      .interval = recentred_interval(difference, replicates.differences(),
                                     fmt::format("paired bootstrap over samples, {}, about the value", replicates_)),
      .protocol = "fd-small",
      .params = std::move(params)};
}

}  // namespace assay
