#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/error.h"
#include "metrics/generative/cmmd.h"
#include "metrics/generative/frechet_bootstrap.h"
#include "metrics/generative/generative_facts.h"
#include "metrics/generative/generative_protocols.h"
#include "metrics/generative/kid.h"
#include "metrics/generative/memorisation.h"
#include "metrics/generative/prdc.h"
#include "metrics/generative/protocol_inputs.h"
#include "metrics/generative/vendi.h"
#include "metrics/metric_facts.h"
#include "metrics/statistics/bootstrap.h"
#include "metrics/statistics/mt19937.h"
#include "metrics/statistics/paired_swaps.h"
#include "metrics/statistics/proportion.h"

namespace assay {
namespace {

constexpr std::int64_t most_rows_of_balls = 10000;

MetricRow make_row(const char* metric, double value) {
  MetricRow row;
  row.metric = metric;
  row.value = value;
  return row;
}

void add_interval(MetricRow& row, const std::vector<double>& replicates, const GenerativeOptions& options,
                  const char* what) {
  if (replicates.size() < 2 || !std::isfinite(row.value)) return;
  row.interval = within_range(
      row.metric,
      recentred_interval(row.value, replicates, fmt::format("{}, {}", what, replicates.size()), options.level));
}

/// Subsets of all rows where a side has fewer than the subset.
KidOptions kd_options(const FeatureRows& generated, const FeatureRows& reference, const GenerativeOptions& options) {
  return {.subsets = options.kid_subsets,
          .subset_size = std::min({options.kid_subset_size, generated.count(), reference.count()}),
          .reference_first = true,
          .replicates = options.bootstrap,
          .bootstrap_seed = options.seed};
}

std::vector<MetricRow> kd_scores(const FeatureSet& reference, const FeatureSet& generated,
                                 const GenerativeOptions& options) {
  const FeatureRows x = features_of(generated, "kd-dinov2"), y = features_of(reference, "kd-dinov2");
  const KidOptions choices = kd_options(x, y, options);
  const Kid found = kid(x, y, choices);
  std::vector<MetricRow> rows = {make_row("kd_mean", found.mean), make_row("kd_std", found.deviation)};
  for (MetricRow& row : rows)
    row.extra = {{"subsets", choices.subsets}, {"subset_size", choices.subset_size}, {"route", found.route}};
  add_interval(rows[0], found.replicates, options, "bootstrap over generated rows and subsets");
  rows[0].samples = found.subsets;
  rows[0].sample_kind = "subset";
  return rows;
}

nlohmann::json kd_choices(const GenerativeOptions& options) {
  return {{"subsets", options.kid_subsets},
          {"subset_size", fmt::format("{}, or all rows of the smaller side", options.kid_subset_size)}};
}

std::vector<PairScore> kd_pairs(const FeatureSet& reference, const FeatureSet& a, const FeatureSet& b,
                                const PairOptions& options) {
  const char* id = "kd-dinov2";
  const FeatureRows x = features_of(a, id), y = features_of(reference, id);
  const KidPair found = kid_pair(x, features_of(b, id), y, kd_options(x, y, options.scores));
  return {{.metric = "kd_mean",
           .a = found.a.mean,
           .b = found.b.mean,
           .differences = PairedReplicates{found.a.replicates, found.b.replicates}.differences(),
           .interval = "paired bootstrap over generated rows and subsets",
           .p_value = swap_p_value_of_shares(found.shares, options.swaps, options.scores.seed, found.rounding),
           .test = options.swaps_text() + ", of the estimate over all pairs"}};
}

/// So many rows in an order drawn without replacement; all of them as they stand.
class DrawnRows {
 public:
  DrawnRows(const FeatureRows& rows, std::int64_t count, NumpyRandomState& random) : rows_(rows) {
    const std::vector<std::int64_t> chosen = random.choice(rows.count(), count);
    if (count == rows.count()) return;
    values_.reserve(static_cast<std::size_t>(count * rows.width));
    for (const std::int64_t i : chosen) values_.insert(values_.end(), rows.row(i), rows.row(i) + rows.width);
    rows_.values = values_;
  }
  DrawnRows(const DrawnRows&) = delete;
  DrawnRows& operator=(const DrawnRows&) = delete;
  const FeatureRows& rows() const { return rows_; }

 private:
  std::vector<float> values_;
  FeatureRows rows_;
};

std::vector<MetricRow> prdc_scores(const FeatureSet& reference, const FeatureSet& generated,
                                   const GenerativeOptions& options) {
  const FeatureRows x = features_of(generated, "prdc-dinov2"), y = features_of(reference, "prdc-dinov2");
  check_pair(x, y);
  const std::int64_t count = std::min({most_rows_of_balls, x.count(), y.count()});
  NumpyRandomState random(2020);
  const DrawnRows from_reference(y, count, random), from_generated(x, count, random);
  const PrdcOptions balls{.k = 5,
                          .distance = BallDistance::euclidean_double,
                          .replicates = options.bootstrap,
                          .bootstrap_seed = options.seed};
  const Prdc found = prdc(from_generated.rows(), from_reference.rows(), balls);
  std::vector<MetricRow> rows = {make_row("precision", found.precision), make_row("recall", found.recall),
                                 make_row("density", found.density), make_row("coverage", found.coverage)};
  const char *resampled = "bootstrap over generated rows", *halves = "halves of the generated rows";
  add_interval(rows[0], found.replicates.precision, options, resampled);
  add_interval(rows[1], found.replicates.recall, options, halves);
  add_interval(rows[2], found.replicates.density, options, resampled);
  add_interval(rows[3], found.replicates.coverage, options, halves);
  for (MetricRow& row : rows) {
    row.extra = {{"k", balls.k}};
    row.n_reference = row.n_generated = count;
    if (!row.interval && options.bootstrap > 0)
      row.note = fmt::format("no interval: halves need at least {} generated rows", 2 * (balls.k + 1));
  }
  return rows;
}

/// Whether every row has length 1, as CLIP's normalised embeddings do.
bool of_unit_length(const FeatureRows& rows) {
  for (std::int64_t i = 0; i < rows.count(); ++i) {
    double square = 0.0;
    for (std::int64_t d = 0; d < rows.width; ++d) square += double{rows.row(i)[d]} * double{rows.row(i)[d]};
    if (std::abs(square - 1.0) > 1e-2) return false;
  }
  return true;
}

std::vector<MetricRow> cmmd_scores(const FeatureSet& reference, const FeatureSet& generated,
                                   const GenerativeOptions& options) {
  const FeatureRows x = features_of(generated, "cmmd"), y = features_of(reference, "cmmd");
  const Cmmd found = cmmd(x, y, options.bootstrap, options.seed);
  std::vector<MetricRow> rows = {make_row("cmmd", found.value)};
  add_interval(rows[0], found.replicates, options, "bootstrap over generated rows");
  if (!of_unit_length(x) || !of_unit_length(y))
    rows[0].note = "rows are not of unit length, as CLIP's embeddings are there: the kernel's width is made for those";
  return rows;
}

std::vector<MetricRow> vendi_scores(const FeatureSet& /*reference*/, const FeatureSet& generated,
                                    const GenerativeOptions& options) {
  const Vendi found = vendi(features_of(generated, "vendi-dinov2"),
                            {.interval = options.bootstrap > 0, .level = options.level, .seed = options.seed});
  std::vector<MetricRow> rows = {make_row("vendi", found.value)};
  if (found.interval) rows[0].interval = within_range("vendi", *found.interval);
  return rows;
}

std::vector<MetricRow> authenticity_scores(const FeatureSet& reference, const FeatureSet& generated,
                                           const GenerativeOptions& options) {
  const Authenticity found =
      authenticity(features_of(generated, "authpct-dinov2"), features_of(reference, "authpct-dinov2"));
  std::vector<MetricRow> rows = {
      make_row("auth_pct", 100.0 * static_cast<double>(found.authentic) / static_cast<double>(found.rows))};
  if (options.bootstrap > 0) {
    ScoreInterval share = wilson_interval(found.authentic, found.rows, "Wilson over generated rows");
    share.low *= 100.0;
    share.high *= 100.0;
    rows[0].interval = std::move(share);
  }
  return rows;
}

std::vector<MetricRow> copying_scores(const FeatureSet& reference, const FeatureSet& generated,
                                      const GenerativeOptions& options) {
  const char* id = "ct-dinov2";
  if (options.held_out == nullptr) throw InputError(fmt::format("protocol '{}' needs held-out images", id));
  const DataCopying found =
      data_copying(features_of(generated, id), features_of(*options.held_out, id), features_of(reference, id),
                   {.seed = options.seed, .replicates = options.bootstrap});
  std::vector<MetricRow> rows = {make_row("c_t", found.value)};
  nlohmann::json cells = nlohmann::json::array();
  for (const DataCopying::Cell& cell : found.cells)
    cells.push_back(
        {{"training", cell.training}, {"held_out", cell.held_out}, {"generated", cell.generated}, {"z", cell.z}});
  rows[0].extra = {{"n_held_out", options.held_out->count}, {"cells", cells.dump()}};
  add_interval(rows[0], found.replicates, options, "bootstrap over generated and held-out rows");
  if (!std::isfinite(found.value)) rows[0].note = "not defined: no cell holds more than 20 generated rows";
  return rows;
}

}  // namespace

std::vector<GenerativeProtocol> embedding_protocols() {
  constexpr ImageProtocol dinov2 = {FeatureNetworkId::dinov2, Resize::antialiased_bicubic, imagenet_normalisation,
                                    FeatureOutput::class_token};
  return {
      {.words = generative_facts("kd-dinov2"),
       .pixels = dinov2,
       .needs = SampleNeeds::features,
       .score = kd_scores,
       .choices = kd_choices,
       .pairs = kd_pairs},
      {.words = generative_facts("prdc-dinov2"),
       .pixels = dinov2,
       .needs = SampleNeeds::features,
       .score = prdc_scores},
      {.words = generative_facts("vendi-dinov2"),
       .pixels = dinov2,
       .needs = SampleNeeds::generated_alone,
       .score = vendi_scores},
      {.words = generative_facts("authpct-dinov2"),
       .pixels = dinov2,
       .needs = SampleNeeds::features,
       .score = authenticity_scores},
      {.words = generative_facts("ct-dinov2"),
       .pixels = dinov2,
       .needs = SampleNeeds::held_out,
       .score = copying_scores},
      {.words = generative_facts("cmmd"), .pixels = std::nullopt, .needs = SampleNeeds::features, .score = cmmd_scores},
  };
}

}  // namespace assay
