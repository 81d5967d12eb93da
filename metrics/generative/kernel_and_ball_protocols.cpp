#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "metrics/generative/frechet_bootstrap.h"
#include "metrics/generative/generative_facts.h"
#include "metrics/generative/generative_protocols.h"
#include "metrics/generative/inception_score.h"
#include "metrics/generative/kid.h"
#include "metrics/generative/prdc.h"
#include "metrics/generative/protocol_inputs.h"
#include "metrics/metric_facts.h"
#include "metrics/statistics/bootstrap.h"
#include "metrics/statistics/paired_swaps.h"

namespace assay {
namespace {

KidOptions kid_seed2020(const GenerativeOptions& options) {
  return {.subsets = options.kid_subsets,
          .subset_size = options.kid_subset_size,
          .replicates = options.bootstrap,
          .bootstrap_seed = options.seed};
}

PrdcOptions prdc5(const GenerativeOptions& options) {
  return {.k = 5, .replicates = options.bootstrap, .bootstrap_seed = options.seed};
}

PrdcOptions pr_tf(const GenerativeOptions& options) {
  return {.k = 3, .closed = true, .replicates = options.bootstrap, .bootstrap_seed = options.seed};
}

PrdcOptions pr_oai(const GenerativeOptions& options) {
  PrdcOptions out = pr_tf(options);
  out.distance = BallDistance::half_squared;
  return out;
}

InceptionScoreOptions is_tf10(const GenerativeOptions& options) {
  return {.replicates = options.bootstrap, .bootstrap_seed = options.seed};
}

InceptionScoreOptions is_oai5000(const GenerativeOptions& options) {
  return {.split_size = 5000, .replicates = options.bootstrap, .bootstrap_seed = options.seed};
}

MetricRow make_row(const char* metric, double value) {
  MetricRow row;
  row.metric = metric;
  row.value = value;
  return row;
}

void add_interval(MetricRow& row, const std::vector<double>& replicates, const GenerativeOptions& options,
                  const char* what) {
  if (replicates.empty()) return;
  ScoreInterval around =
      recentred_interval(row.value, replicates, fmt::format("{}, {}", what, replicates.size()), options.level);
  // Replicates that differ by rounding alone are equal.
  if (around.high - around.low < 1e-12 * std::abs(row.value)) around.low = around.high = row.value;
  row.interval = within_range(row.metric, std::move(around));
}

std::vector<MetricRow> kid_scores(const FeatureSet& reference, const FeatureSet& generated,
                                  const GenerativeOptions& options) {
  const Kid found =
      kid(features_of(generated, "kid-seed2020"), features_of(reference, "kid-seed2020"), kid_seed2020(options));
  std::vector<MetricRow> rows = {make_row("kid_mean", found.mean), make_row("kid_std", found.deviation)};
  for (MetricRow& row : rows)
    row.extra = {{"subsets", options.kid_subsets}, {"subset_size", options.kid_subset_size}, {"route", found.route}};
  add_interval(rows[0], found.replicates, options, "bootstrap over generated rows and subsets");
  rows[0].samples = found.subsets;
  rows[0].sample_kind = "subset";
  return rows;
}

nlohmann::json kid_choices(const GenerativeOptions& options) {
  return {{"subsets", options.kid_subsets}, {"subset_size", options.kid_subset_size}};
}

std::vector<MetricRow> ball_scores(const FeatureSet& reference, const FeatureSet& generated,
                                   const GenerativeOptions& options, const char* protocol, const PrdcOptions& balls,
                                   bool all) {
  const Prdc found = prdc(features_of(generated, protocol), features_of(reference, protocol), balls);
  std::vector<MetricRow> rows = {make_row("precision", found.precision), make_row("recall", found.recall)};
  add_interval(rows[0], found.replicates.precision, options, "bootstrap over generated rows");
  add_interval(rows[1], found.replicates.recall, options, "halves of the generated rows");
  if (all) {
    rows.push_back(make_row("density", found.density));
    add_interval(rows.back(), found.replicates.density, options, "bootstrap over generated rows");
    rows.push_back(make_row("coverage", found.coverage));
    add_interval(rows.back(), found.replicates.coverage, options, "halves of the generated rows");
  }
  for (MetricRow& row : rows) {
    row.extra = {{"k", balls.k}};
    if (!row.interval && options.bootstrap > 0)
      row.note = fmt::format("no interval: halves need at least {} generated rows", 2 * (balls.k + 1));
  }
  return rows;
}

std::vector<MetricRow> prdc5_scores(const FeatureSet& reference, const FeatureSet& generated,
                                    const GenerativeOptions& options) {
  return ball_scores(reference, generated, options, "prdc5", prdc5(options), true);
}

std::vector<MetricRow> pr_tf_scores(const FeatureSet& reference, const FeatureSet& generated,
                                    const GenerativeOptions& options) {
  return ball_scores(reference, generated, options, "pr-tf", pr_tf(options), false);
}

std::vector<MetricRow> pr_oai_scores(const FeatureSet& reference, const FeatureSet& generated,
                                     const GenerativeOptions& options) {
  return ball_scores(reference, generated, options, "pr-oai", pr_oai(options), false);
}

std::vector<MetricRow> inception_scores(const FeatureSet& generated, const GenerativeOptions& options,
                                        const char* protocol, const InceptionScoreOptions& choices, bool deviation) {
  const InceptionScore found = inception_score(logits_of(generated, protocol), choices);
  std::vector<MetricRow> rows = {make_row("is_mean", found.mean)};
  if (deviation) rows.push_back(make_row("is_std", found.deviation));
  for (MetricRow& row : rows) row.extra = {{"splits", found.splits.size()}};
  add_interval(rows[0], found.replicates, options, "bootstrap over rows within splits");
  rows[0].samples = found.splits;
  rows[0].sample_kind = "split";
  return rows;
}

std::vector<MetricRow> is_tf10_scores(const FeatureSet& /*reference*/, const FeatureSet& generated,
                                      const GenerativeOptions& options) {
  return inception_scores(generated, options, "is-tf10", is_tf10(options), true);
}

std::vector<MetricRow> is_oai5000_scores(const FeatureSet& /*reference*/, const FeatureSet& generated,
                                         const GenerativeOptions& options) {
  return inception_scores(generated, options, "is-oai5000", is_oai5000(options), false);
}

std::vector<PairScore> kid_pairs(const FeatureSet& reference, const FeatureSet& a, const FeatureSet& b,
                                 const PairOptions& options) {
  const char* id = "kid-seed2020";
  const KidPair found =
      kid_pair(features_of(a, id), features_of(b, id), features_of(reference, id), kid_seed2020(options.scores));
  return {{.metric = "kid_mean",
           .a = found.a.mean,
           .b = found.b.mean,
           .differences = PairedReplicates{found.a.replicates, found.b.replicates}.differences(),
           .interval = "paired bootstrap over generated rows and subsets",
           .p_value = swap_p_value_of_shares(found.shares, options.swaps, options.scores.seed, found.rounding),
           .test = options.swaps_text() + ", of the estimate over all pairs"}};
}

std::vector<double> ball_shares(const Prdc& a, const Prdc& b, bool counted) {
  std::vector<double> shares(a.balls.size());
  for (std::size_t i = 0; i < shares.size(); ++i)
    shares[i] = counted ? static_cast<double>(a.balls[i] - b.balls[i])
                        : static_cast<double>(a.balls[i] > 0) - static_cast<double>(b.balls[i] > 0);
  return shares;
}

std::vector<PairScore> ball_pairs(const FeatureSet& reference, const FeatureSet& a, const FeatureSet& b,
                                  const PairOptions& options, const char* id, const PrdcOptions& balls, bool all) {
  const PrdcPair found =
      prdc_pair(features_of(a, id), features_of(b, id), features_of(reference, id), balls, options.swaps);
  const Prdc::Replicates &x = found.a.replicates, &y = found.b.replicates;
  std::vector<PairScore> out;
  const auto add = [&](const char* metric, double value_a, double value_b, std::vector<double> differences,
                       const char* interval, double p_value) {
    out.push_back({.metric = metric,
                   .a = value_a,
                   .b = value_b,
                   .differences = std::move(differences),
                   .interval = interval,
                   .p_value = p_value,
                   .test = options.swaps_text()});
  };
  const auto share_test = [&](bool counted) {
    return swap_p_value_of_shares(ball_shares(found.a, found.b, counted), options.swaps, options.scores.seed);
  };
  const char *rows = "paired bootstrap over generated rows", *halves = "paired halves of the generated rows";
  add("precision", found.a.precision, found.b.precision, PairedReplicates{x.precision, y.precision}.differences(), rows,
      share_test(false));
  add("recall", found.a.recall, found.b.recall, PairedReplicates{x.recall, y.recall}.differences(), halves,
      swap_p_value(found.recall.observed, found.recall.swapped));
  if (!all) return out;
  add("density", found.a.density, found.b.density, PairedReplicates{x.density, y.density}.differences(), rows,
      share_test(true));
  add("coverage", found.a.coverage, found.b.coverage, PairedReplicates{x.coverage, y.coverage}.differences(), halves,
      swap_p_value(found.coverage.observed, found.coverage.swapped));
  return out;
}

std::vector<PairScore> prdc5_pairs(const FeatureSet& reference, const FeatureSet& a, const FeatureSet& b,
                                   const PairOptions& options) {
  return ball_pairs(reference, a, b, options, "prdc5", prdc5(options.scores), true);
}

std::vector<PairScore> pr_tf_pairs(const FeatureSet& reference, const FeatureSet& a, const FeatureSet& b,
                                   const PairOptions& options) {
  return ball_pairs(reference, a, b, options, "pr-tf", pr_tf(options.scores), false);
}

std::vector<PairScore> pr_oai_pairs(const FeatureSet& reference, const FeatureSet& a, const FeatureSet& b,
                                    const PairOptions& options) {
  return ball_pairs(reference, a, b, options, "pr-oai", pr_oai(options.scores), false);
}

std::vector<PairScore> inception_pairs(const FeatureSet& a, const FeatureSet& b, const PairOptions& options,
                                       const char* id, const InceptionScoreOptions& choices) {
  const InceptionScorePair found = inception_score_pair(logits_of(a, id), logits_of(b, id), choices, options.swaps);
  return {{.metric = "is_mean",
           .a = found.a.mean,
           .b = found.b.mean,
           .differences = PairedReplicates{found.a.replicates, found.b.replicates}.differences(),
           .interval = "paired bootstrap over rows within splits",
           .p_value = swap_p_value(found.a.mean - found.b.mean, found.swapped),
           .test = options.swaps_text()}};
}

std::vector<PairScore> is_tf10_pairs(const FeatureSet& /*reference*/, const FeatureSet& a, const FeatureSet& b,
                                     const PairOptions& options) {
  return inception_pairs(a, b, options, "is-tf10", is_tf10(options.scores));
}

std::vector<PairScore> is_oai5000_pairs(const FeatureSet& /*reference*/, const FeatureSet& a, const FeatureSet& b,
                                        const PairOptions& options) {
  return inception_pairs(a, b, options, "is-oai5000", is_oai5000(options.scores));
}

}  // namespace

std::vector<GenerativeProtocol> kernel_and_ball_protocols() {
  using enum FeatureNetworkId;
  using enum FeatureOutput;
  return {
      {.words = generative_facts("kid-seed2020"),
       .pixels = tensorflow_inception,
       .needs = SampleNeeds::features,
       .score = kid_scores,
       .choices = kid_choices,
       .pairs = kid_pairs},
      {.words = generative_facts("prdc5"),
       .pixels = tensorflow_inception,
       .needs = SampleNeeds::features,
       .score = prdc5_scores,
       .pairs = prdc5_pairs,
       .pair_metrics = 4},
      {.words = generative_facts("pr-tf"),
       .pixels = ImageProtocol{vgg16, Resize::tensorflow1, imagenet_normalisation, fc2_relu},
       .needs = SampleNeeds::features,
       .score = pr_tf_scores,
       .pairs = pr_tf_pairs,
       .pair_metrics = 2},
      {.words = generative_facts("pr-oai"),
       .pixels = tensorflow_inception,
       .needs = SampleNeeds::features,
       .score = pr_oai_scores,
       .pairs = pr_oai_pairs,
       .pair_metrics = 2},
      {.words = generative_facts("is-tf10"),
       .pixels = tensorflow_inception,
       .needs = SampleNeeds::logits,
       .score = is_tf10_scores,
       .pairs = is_tf10_pairs},
      {.words = generative_facts("is-oai5000"),
       .pixels = tensorflow_inception,
       .needs = SampleNeeds::logits,
       .score = is_oai5000_scores,
       .pairs = is_oai5000_pairs},
  };
}

}  // namespace assay
