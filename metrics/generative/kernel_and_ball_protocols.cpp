#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/error.h"
#include "metrics/generative/generative_protocols.h"
#include "metrics/generative/protocol_options.h"
#include "metrics/metric_facts.h"
#include "metrics/statistics/bootstrap.h"

namespace assay {

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

FeatureRows features_of(const FeatureSet& set, std::string_view protocol) {
  if (!set.has_features())
    throw InputError(fmt::format("{}: holds no features; {} needs `features` [N, D], statistics are not enough",
                                 set.name, protocol));
  return {set.features, set.width};
}

FeatureRows logits_of(const FeatureSet& set, std::string_view protocol) {
  if (set.logits.empty())
    throw InputError(
        fmt::format("{}: holds no class logits; {} needs `logits` [N, C], without the bias of the last "
                    "layer",
                    set.name, protocol));
  return {set.logits, set.classes};
}

namespace {

MetricRow make_row(const char* metric, double value) {
  MetricRow row;
  row.metric = metric;
  row.value = value;
  return row;
}

void add_interval(MetricRow& row, const std::vector<double>& replicates, const GenerativeOptions& options,
                  const char* what) {
  if (replicates.empty()) return;
  Interval around = recentred_interval(row.value, replicates, options.level);
  // Replicates that differ by rounding alone are equal.
  if (around.high - around.low < 1e-12 * std::abs(row.value)) around = {row.value, row.value};
  around = within_range(row.metric, around);
  row.interval = ScoreInterval{around.low, around.high, options.level, fmt::format("{}, {}", what, replicates.size())};
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

}  // namespace

std::vector<GenerativeProtocol> kernel_and_ball_scores() {
  return {{"kid-seed2020", kid_scores, SampleNeeds::features, kid_choices},
          {"prdc5", prdc5_scores, SampleNeeds::features},
          {"pr-tf", pr_tf_scores, SampleNeeds::features},
          {"pr-oai", pr_oai_scores, SampleNeeds::features},
          {"is-tf10", is_tf10_scores, SampleNeeds::logits},
          {"is-oai5000", is_oai5000_scores, SampleNeeds::logits}};
}

}  // namespace assay
