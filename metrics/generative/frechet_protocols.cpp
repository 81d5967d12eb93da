#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/error.h"
#include "core/philox.h"
#include "core/student_t.h"
#include "metrics/generative/fid_infinity.h"
#include "metrics/generative/frechet_bootstrap.h"
#include "metrics/generative/frechet_influence.h"
#include "metrics/generative/frechet_pair.h"
#include "metrics/generative/frechet_reduction.h"
#include "metrics/generative/generative_facts.h"
#include "metrics/generative/generative_protocols.h"
#include "metrics/generative/protocol_inputs.h"
#include "metrics/metric_facts.h"
#include "metrics/statistics/bootstrap.h"
#include "metrics/statistics/paired_swaps.h"

namespace assay {
namespace {

constexpr std::uint64_t fit_stream = std::uint64_t{1} << 46;

/// Below, a bootstrap takes seconds; above, the infinitesimal jackknife stands in for it.
constexpr double bootstrap_operations = 4e11;

nlohmann::json parts_of(const FrechetDistance& d) {
  return {
      {"route", d.route}, {"residual", d.residual}, {"mean_term", d.mean_term}, {"covariance_term", d.covariance_term}};
}

bool bootstraps(const FeatureSet& generated, const GenerativeOptions& options) {
  const auto d = static_cast<double>(generated.width), n = static_cast<double>(generated.count);
  return static_cast<double>(options.bootstrap) * (n * d * d + 3.0 * d * d * d) <= bootstrap_operations;
}

/// How far the value would spread over other generated samples, for this reference.
std::optional<ScoreInterval> interval(const Gaussian& reference, const FeatureSet& generated, const Gaussian& of_it,
                                      const std::optional<FrechetReduction>& reduction, double value, Divisor divisor,
                                      const GenerativeOptions& options, std::vector<double>& replicates) {
  if (options.bootstrap < 1 || !generated.has_features()) return std::nullopt;
  if (bootstraps(generated, options)) {
    replicates =
        frechet_bootstrap(generated.features, generated.width, reference, options.bootstrap, options.seed, divisor);
    return within_range(
        "fid", recentred_interval(value, replicates,
                                  fmt::format("bootstrap over generated samples, {}, recentred", options.bootstrap),
                                  options.level));
  }
  // 1.96 for 95 %: the normal quantile is Student's at endless degrees of freedom.
  const double reach = frechet_standard_error(reference, of_it, generated.features, reduction) *
                       student_t_quantile((1.0 + options.level) / 2.0, 1e9);
  return ScoreInterval{.low = std::max(value - reach, 0.0),
                       .high = value + reach,
                       .level = options.level,
                       .method = "infinitesimal jackknife over generated samples, normal"};
}

std::vector<MetricRow> distance(const FeatureSet& reference, const FeatureSet& generated, const std::string& metric,
                                Divisor divisor, const GenerativeOptions& options) {
  check_widths(reference, generated);
  const Gaussian fitted = gaussian(reference, divisor), of_generated = gaussian(generated, divisor);
  std::optional<FrechetReduction> reduction;
  const bool jackknife = options.bootstrap > 0 && generated.has_features() && !bootstraps(generated, options);
  const FrechetDistance d = jackknife ? frechet(fitted, of_generated, reduction) : frechet(fitted, of_generated);
  MetricRow row;
  row.metric = metric;
  row.value = d.value;
  row.extra = parts_of(d);
  if (reference.from_double || generated.from_double) row.extra["computed_in"] = "float64";
  row.interval = interval(fitted, generated, of_generated, reduction, d.value, divisor, options, row.samples);
  row.sample_kind = "replicate";
  if (generated.statistics_only() && options.bootstrap > 0) row.note = "no interval: statistics hold no samples";
  return {row};
}

template <Divisor divisor>
std::vector<MetricRow> fid(const FeatureSet& reference, const FeatureSet& generated, const GenerativeOptions& options) {
  return distance(reference, generated, "fid", divisor, options);
}

std::vector<MetricRow> fd(const FeatureSet& reference, const FeatureSet& generated, const GenerativeOptions& options) {
  return distance(reference, generated, "fd", Divisor::n_minus_1, options);
}

std::vector<MetricRow> sfid(const FeatureSet& reference, const FeatureSet& generated,
                            const GenerativeOptions& options) {
  return distance(spatial_of(reference), spatial_of(generated), "sfid", Divisor::n_minus_1, options);
}

std::vector<MetricRow> limit(const FeatureSet& reference, const FeatureSet& generated,
                             const GenerativeOptions& options) {
  const FidInfinity found = fid_infinity(reference, generated, options.seed, options.level);
  MetricRow row;
  row.metric = "fid_infinity";
  row.value = found.value();
  if (options.bootstrap > 0) {
    row.interval = within_range(row.metric, found.fit.interval);
    row.interval->method = "Student t of the fit over 15 subsets, which overlap";
  }
  if (found.fit.limit < 0.0) row.note = fmt::format("taken as 0: the fit falls to {:.3g}", found.fit.limit);
  row.samples = found.values;
  row.sample_kind = "subset";
  row.extra = {{"fitted_limit", found.fit.limit},
               {"slope", found.fit.slope},
               {"subset_sizes", found.sizes},
               {"subset_values", found.values}};
  return {row};
}

/// Rows of both sets in one Fréchet distance to `reference`.
FrechetPair frechet_of(const FeatureSet& reference, const FeatureSet& a, const FeatureSet& b, Divisor divisor,
                       const PairOptions& options) {
  check_widths(reference, a);
  check_widths(reference, b);
  if (a.count < 2) throw InputError(fmt::format("{}: holds {} sample; a covariance needs at least 2", a.name, a.count));
  constexpr const char* what = "a paired Fréchet distance";
  return frechet_pair(features_of(a, what), features_of(b, what), gaussian(reference, divisor), divisor,
                      options.scores.bootstrap, options.scores.seed);
}

std::vector<PairScore> frechet_pairs(const FeatureSet& reference, const FeatureSet& a, const FeatureSet& b,
                                     const PairOptions& options, const char* metric, Divisor divisor) {
  const FrechetPair found = frechet_of(reference, a, b, divisor, options);
  return {{.metric = metric,
           .a = found.a,
           .b = found.b,
           .differences = found.differences,
           .interval = found.replicates.a.empty() ? "paired bootstrap over generated rows, first order"
                                                  : "paired bootstrap over generated rows",
           .p_value = swap_p_value_of_shares(found.shares, options.swaps, options.scores.seed),
           .test = options.swaps_text() + ", first order"}};
}

template <Divisor divisor>
std::vector<PairScore> fid_pairs(const FeatureSet& reference, const FeatureSet& a, const FeatureSet& b,
                                 const PairOptions& options) {
  return frechet_pairs(reference, a, b, options, "fid", divisor);
}

std::vector<PairScore> fd_pairs(const FeatureSet& reference, const FeatureSet& a, const FeatureSet& b,
                                const PairOptions& options) {
  return frechet_pairs(reference, a, b, options, "fd", Divisor::n_minus_1);
}

std::vector<PairScore> sfid_pairs(const FeatureSet& reference, const FeatureSet& a, const FeatureSet& b,
                                  const PairOptions& options) {
  return frechet_pairs(spatial_of(reference), a, b, options, "sfid", Divisor::n_minus_1);
}

/// Both limits from the same rows of either set. Their difference spreads with the rows as that of the distances of
/// all rows, to first order, and with the fit.
std::vector<PairScore> fid_infinity_pairs(const FeatureSet& reference, const FeatureSet& a, const FeatureSet& b,
                                          const PairOptions& options) {
  const std::uint64_t seed = options.scores.seed;
  const FidInfinity of_a = fid_infinity(reference, a, seed, options.scores.level);
  const FidInfinity of_b = fid_infinity(reference, b, seed, options.scores.level);
  const double deviation = fit_inverse(of_a.sizes, PairedReplicates{of_a.values, of_b.values}.differences()).deviation;
  FrechetPair all = frechet_of(reference, a, b, Divisor::n_minus_1, options);
  for (std::size_t r = 0; r < all.differences.size(); ++r)
    all.differences[r] += deviation * RandomStream(seed, Purpose::resample, fit_stream + r).normal();
  return {{.metric = "fid_infinity",
           .a = of_a.value(),
           .b = of_b.value(),
           .differences = std::move(all.differences),
           .interval = "paired bootstrap over generated rows at n, with the error of the fit",
           .p_value = swap_p_value_of_shares(all.shares, options.swaps, seed),
           .test = options.swaps_text() + ", of the distance at n, first order"}};
}

}  // namespace

std::vector<GenerativeProtocol> frechet_protocols() {
  using enum FeatureNetworkId;
  using enum FeatureOutput;
  return {
      {.words = generative_facts("fid-tf1"),
       .pixels = tensorflow_inception,
       .needs = SampleNeeds::statistics,
       .score = fid<Divisor::n_minus_1>,
       .pairs = fid_pairs<Divisor::n_minus_1>},
      {.words = generative_facts("fid-torch"),
       .pixels = ImageProtocol{inception, Resize::half_pixel, unit_normalisation, pool3},
       .needs = SampleNeeds::statistics,
       .score = fid<Divisor::n_minus_1>,
       .pairs = fid_pairs<Divisor::n_minus_1>},
      {.words = generative_facts("fid-clean"),
       .pixels = ImageProtocol{inception, Resize::pillow_bicubic, graph_normalisation, pool3},
       .needs = SampleNeeds::statistics,
       .score = fid<Divisor::n_minus_1>,
       .pairs = fid_pairs<Divisor::n_minus_1>},
      {.words = generative_facts("fid-tm18"),
       .pixels = ImageProtocol{inception, Resize::antialiased_bilinear, graph_normalisation, pool3},
       .needs = SampleNeeds::statistics,
       .score = fid<Divisor::n_minus_1>,
       .pairs = fid_pairs<Divisor::n_minus_1>},
      {.words = generative_facts("fid-sg3"),
       .pixels = tensorflow_inception,
       .needs = SampleNeeds::statistics,
       .score = fid<Divisor::n>,
       .pairs = fid_pairs<Divisor::n>},
      {.words = generative_facts("fid-infinity"),
       .pixels = tensorflow_inception,
       .needs = SampleNeeds::generated_features,
       .score = limit,
       .pairs = fid_infinity_pairs},
      {.words = generative_facts("sfid-oai"),
       .pixels = ImageProtocol{inception, Resize::tensorflow1, graph_normalisation, spatial},
       .needs = SampleNeeds::spatial_statistics,
       .score = sfid,
       .pairs = sfid_pairs},
      {.words = generative_facts("fd-dinov2"),
       .pixels = ImageProtocol{dinov2, Resize::antialiased_bicubic, imagenet_normalisation, class_token},
       .needs = SampleNeeds::statistics,
       .score = fd,
       .pairs = fd_pairs},
      {.words = generative_facts("fd-small"),
       .pixels = std::nullopt,
       .needs = SampleNeeds::statistics,
       .score = fd,
       .pairs = fd_pairs},
  };
}

}  // namespace assay
