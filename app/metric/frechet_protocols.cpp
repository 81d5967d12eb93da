#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "app/metric/generative_protocols.h"
#include "core/error.h"
#include "core/interrupt.h"
#include "core/philox.h"
#include "core/progress.h"
#include "core/student_t.h"
#include "metrics/bootstrap.h"
#include "metrics/extrapolation.h"
#include "metrics/frechet_influence.h"

namespace assay {
namespace {

/// Below, a bootstrap takes seconds; above, the infinitesimal jackknife stands in for it.
constexpr double bootstrap_operations = 4e11;

nlohmann::json parts_of(const FrechetDistance& d) {
  return {
      {"route", d.route}, {"residual", d.residual}, {"mean_term", d.mean_term}, {"covariance_term", d.covariance_term}};
}

/// How far the value would spread over other generated samples, for this reference.
std::optional<MetricInterval> interval(const Gaussian& reference, const FeatureSet& generated, double value,
                                       Divisor divisor, const GenerativeOptions& options,
                                       std::vector<double>& replicates) {
  if (options.bootstrap < 1 || !generated.has_features()) return std::nullopt;
  const auto d = static_cast<double>(generated.width), n = static_cast<double>(generated.count);
  if (static_cast<double>(options.bootstrap) * (n * d * d + 3.0 * d * d * d) <= bootstrap_operations) {
    replicates =
        frechet_bootstrap(generated.features, generated.width, reference, options.bootstrap, options.seed, divisor);
    const Interval found = recentred_interval(value, replicates, options.level);
    return MetricInterval{std::max(found.low, 0.0), found.high, options.level,
                          fmt::format("bootstrap over generated samples, {}, recentred", options.bootstrap)};
  }
  // 1.96 for 95 %: the normal quantile is Student's at endless degrees of freedom.
  const double reach = frechet_standard_error(reference, generated.features, generated.width) *
                       student_t_quantile((1.0 + options.level) / 2.0, 1e9);
  return MetricInterval{std::max(value - reach, 0.0), value + reach, options.level,
                        "infinitesimal jackknife over generated samples, normal"};
}

std::vector<MetricRow> distance(const FeatureSet& reference, const FeatureSet& generated, const std::string& metric,
                                Divisor divisor, const GenerativeOptions& options) {
  if (reference.width != generated.width)
    throw InputError(fmt::format("{} holds {} numbers a sample, {} holds {}: not of one network", reference.name,
                                 reference.width, generated.name, generated.width));
  const Gaussian fitted = gaussian(reference, divisor);
  const FrechetDistance d = frechet(fitted, gaussian(generated, divisor));
  MetricRow row;
  row.metric = metric;
  row.value = d.value;
  row.extra = parts_of(d);
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

/// The set as its spatial statistics, where the file has them beside the usual ones.
FeatureSet spatial(const FeatureSet& set) {
  if (!set.spatial_statistics) return set;
  FeatureSet out = set;
  out.statistics = set.spatial_statistics;
  out.width = set.spatial_statistics->width();
  return out;
}

std::vector<MetricRow> sfid(const FeatureSet& reference, const FeatureSet& generated,
                            const GenerativeOptions& options) {
  return distance(spatial(reference), spatial(generated), "sfid", Divisor::n_minus_1, options);
}

std::vector<MetricRow> fid_infinity(const FeatureSet& reference, const FeatureSet& generated,
                                    const GenerativeOptions& options) {
  constexpr std::int64_t points = 15, smallest = 5000, fewest = 2 * points;
  if (!generated.has_features())
    throw InputError(fmt::format("{}: fid-infinity draws subsets: expected features, not statistics", generated.name));
  if (generated.count < fewest)
    throw InputError(
        fmt::format("{}: fid-infinity needs at least {} samples, got {}", generated.name, fewest, generated.count));
  if (reference.width != generated.width)
    throw InputError(fmt::format("{} holds {} numbers a sample, {} holds {}: not of one network", reference.name,
                                 reference.width, generated.name, generated.width));
  const Gaussian fitted = gaussian(reference);
  const auto sizes = spread_sizes(std::min(smallest, generated.count / 2), generated.count, points);
  const auto width = static_cast<std::size_t>(generated.width);
  std::vector<double> values;
  values.reserve(sizes.size());
  Progress progress("fid-infinity", points, "subsets");
  for (const std::int64_t size : sizes) {
    stop_if_interrupted();
    RandomStream random(options.seed, Purpose::resample, values.size());
    const auto order = permutation(generated.count, random);
    std::vector<float> subset(static_cast<std::size_t>(size) * width);
    for (std::size_t i = 0; i < static_cast<std::size_t>(size); ++i)
      std::copy_n(generated.features.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(order[i]) * width),
                  width, subset.begin() + static_cast<std::ptrdiff_t>(i * width));
    values.push_back(frechet(fitted, gaussian(subset, generated.width)).value);
    progress.update(static_cast<std::int64_t>(values.size()));
  }
  const InverseFit fit = fit_inverse(sizes, values, options.level);
  MetricRow row;
  row.metric = "fid_infinity";
  row.value = fit.limit;
  if (options.bootstrap > 0)
    row.interval = MetricInterval{fit.interval.low, fit.interval.high, options.level,
                                  "Student t of the fit over 15 subsets, which overlap"};
  row.samples = values;
  row.sample_kind = "subset";
  row.extra = {{"slope", fit.slope}, {"subset_sizes", sizes}, {"subset_values", values}};
  return {row};
}

}  // namespace

std::vector<GenerativeProtocol> frechet_scores() {
  constexpr auto usual = fid<Divisor::n_minus_1>;
  return {{"fid-tf1", usual},
          {"fid-torch", usual},
          {"fid-clean", usual},
          {"fid-tm18", usual},
          {"fid-sg3", fid<Divisor::n>},
          {"fid-infinity", fid_infinity},
          {"sfid-oai", sfid},
          {"fd-dinov2", fd},
          {"fd-small", fd}};
}

}  // namespace assay
