#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/student_t.h"
#include "metrics/generative/fid_infinity.h"
#include "metrics/generative/frechet_bootstrap.h"
#include "metrics/generative/frechet_influence.h"
#include "metrics/generative/generative_protocols.h"
#include "metrics/metric_facts.h"
#include "metrics/statistics/bootstrap.h"

namespace assay {
namespace {

/// Below, a bootstrap takes seconds; above, the infinitesimal jackknife stands in for it.
constexpr double bootstrap_operations = 4e11;

nlohmann::json parts_of(const FrechetDistance& d) {
  return {
      {"route", d.route}, {"residual", d.residual}, {"mean_term", d.mean_term}, {"covariance_term", d.covariance_term}};
}

/// How far the value would spread over other generated samples, for this reference.
std::optional<ScoreInterval> interval(const Gaussian& reference, const FeatureSet& generated, double value,
                                      Divisor divisor, const GenerativeOptions& options,
                                      std::vector<double>& replicates) {
  if (options.bootstrap < 1 || !generated.has_features()) return std::nullopt;
  const auto d = static_cast<double>(generated.width), n = static_cast<double>(generated.count);
  if (static_cast<double>(options.bootstrap) * (n * d * d + 3.0 * d * d * d) <= bootstrap_operations) {
    replicates =
        frechet_bootstrap(generated.features, generated.width, reference, options.bootstrap, options.seed, divisor);
    const Interval found = within_range("fid", recentred_interval(value, replicates, options.level));
    return ScoreInterval{found.low, found.high, options.level,
                         fmt::format("bootstrap over generated samples, {}, recentred", options.bootstrap)};
  }
  // 1.96 for 95 %: the normal quantile is Student's at endless degrees of freedom.
  const double reach = frechet_standard_error(reference, generated.features, generated.width) *
                       student_t_quantile((1.0 + options.level) / 2.0, 1e9);
  return ScoreInterval{std::max(value - reach, 0.0), value + reach, options.level,
                       "infinitesimal jackknife over generated samples, normal"};
}

std::vector<MetricRow> distance(const FeatureSet& reference, const FeatureSet& generated, const std::string& metric,
                                Divisor divisor, const GenerativeOptions& options) {
  check_widths(reference, generated);
  const Gaussian fitted = gaussian(reference, divisor);
  const FrechetDistance d = frechet(fitted, gaussian(generated, divisor));
  MetricRow row;
  row.metric = metric;
  row.value = d.value;
  row.extra = parts_of(d);
  if (reference.from_double || generated.from_double) row.extra["computed_in"] = "float64";
  row.interval = interval(fitted, generated, d.value, divisor, options, row.samples);
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
    const Interval found_interval = within_range(row.metric, found.fit.interval);
    row.interval = ScoreInterval{found_interval.low, found_interval.high, options.level,
                                 "Student t of the fit over 15 subsets, which overlap"};
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

}  // namespace

std::vector<GenerativeProtocol> frechet_scores() {
  constexpr auto usual = fid<Divisor::n_minus_1>;
  return {{"fid-tf1", usual, SampleNeeds::statistics},
          {"fid-torch", usual, SampleNeeds::statistics},
          {"fid-clean", usual, SampleNeeds::statistics},
          {"fid-tm18", usual, SampleNeeds::statistics},
          {"fid-sg3", fid<Divisor::n>, SampleNeeds::statistics},
          {"fid-infinity", limit, SampleNeeds::generated_features},
          {"sfid-oai", sfid, SampleNeeds::spatial_statistics},
          {"fd-dinov2", fd, SampleNeeds::statistics},
          {"fd-small", fd, SampleNeeds::statistics}};
}

}  // namespace assay
