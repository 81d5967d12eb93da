#include "metrics/statistics/bootstrap.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "core/error.h"
#include "core/interrupt.h"
#include "core/parallel.h"
#include "core/philox.h"
#include "core/student_t.h"

namespace assay {
namespace {

void check_replicates(std::int64_t n, std::int64_t replicates) {
  if (n < 1) throw InputError(fmt::format("a bootstrap needs at least 1 sample, got {}", n));
  if (replicates < 1) throw InputError(fmt::format("a bootstrap needs at least 1 replicate, got {}", replicates));
}

void check_level(double level) {
  if (!(level > 0.0 && level < 1.0)) {
    throw InputError(fmt::format("confidence must lie between 0 and 1, got {}", level));
  }
}

std::vector<double> sorted_values(std::span<const double> values) {
  if (values.empty()) throw InputError("a quantile of no values is not defined");
  std::vector<double> sorted(values.begin(), values.end());
  for (const double value : sorted) {
    if (std::isnan(value)) throw InputError("a quantile of values with NaN among them is not defined");
  }
  std::sort(sorted.begin(), sorted.end());
  return sorted;
}

double quantile_of_sorted(std::span<const double> sorted, double probability) {
  if (!(probability >= 0.0 && probability <= 1.0)) {
    throw InputError(fmt::format("a quantile needs a probability in [0, 1], got {}", probability));
  }
  const double place = probability * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (place - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

}  // namespace

double quantile(std::span<const double> values, double probability) {
  return quantile_of_sorted(sorted_values(values), probability);
}

ScoreInterval percentile_interval(std::span<const double> replicates, std::string method, double level) {
  check_level(level);
  const std::vector<double> sorted = sorted_values(replicates);
  return {.low = quantile_of_sorted(sorted, (1.0 - level) / 2.0),
          .high = quantile_of_sorted(sorted, (1.0 + level) / 2.0),
          .level = level,
          .method = std::move(method)};
}

ScoreInterval recentred_interval(double estimate, std::span<const double> replicates, std::string method,
                                 double level) {
  ScoreInterval interval = percentile_interval(replicates, std::move(method), level);
  double mean = 0.0;
  for (const double value : replicates) mean += value / static_cast<double>(replicates.size());
  interval.low = std::min(estimate, estimate + interval.low - mean);
  interval.high = std::max(estimate, estimate + interval.high - mean);
  return interval;
}

std::vector<std::int64_t> resample_indices(std::int64_t n, std::uint64_t seed, std::int64_t replicate) {
  check_replicates(n, 1);
  stop_if_interrupted();  // every bootstrap comes by here
  RandomStream random(seed, Purpose::resample, static_cast<std::uint64_t>(replicate));
  std::vector<std::int64_t> indices(static_cast<std::size_t>(n));
  for (std::int64_t& index : indices) index = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(n)));
  return indices;
}

std::vector<double> bootstrap(std::int64_t n, const Statistic& statistic, std::int64_t replicates, std::uint64_t seed,
                              int threads) {
  check_replicates(n, replicates);
  std::vector<double> values(static_cast<std::size_t>(replicates));
  parallel_for(replicates, threads, [&](std::int64_t r, int) {
    values[static_cast<std::size_t>(r)] = statistic(resample_indices(n, seed, r));
  });
  return values;
}

std::vector<double> paired_bootstrap(std::int64_t n, const Statistic& a, const Statistic& b, std::int64_t replicates,
                                     std::uint64_t seed, int threads) {
  const auto difference = [&](std::span<const std::int64_t> indices) { return a(indices) - b(indices); };
  return bootstrap(n, difference, replicates, seed, threads);
}

PairedDifference paired_difference(std::span<const double> a, std::span<const double> b, double level) {
  check_level(level);
  if (a.size() != b.size()) {
    throw InputError(fmt::format("paired values differ in number: {} and {}", a.size(), b.size()));
  }
  if (a.size() < 2) throw InputError(fmt::format("a paired interval needs at least 2 pairs, got {}", a.size()));
  PairedDifference out{};
  out.n = static_cast<std::int64_t>(a.size());
  const auto n = static_cast<double>(out.n);
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!std::isfinite(a[i]) || !std::isfinite(b[i])) {
      throw InputError(fmt::format("pair {} holds a value that is not finite ({} and {})", i, a[i], b[i]));
    }
    out.mean += (a[i] - b[i]) / n;
  }
  double squares = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) squares += (a[i] - b[i] - out.mean) * (a[i] - b[i] - out.mean);
  out.deviation = std::sqrt(squares / (n - 1.0));
  const double error = out.deviation / std::sqrt(n);
  const double reach = error * student_t_quantile((1.0 + level) / 2.0, n - 1.0);
  out.interval = {.low = out.mean - reach, .high = out.mean + reach, .level = level};
  out.p_value =
      error > 0.0 ? 2.0 * student_t_upper_tail(std::abs(out.mean) / error, n - 1.0) : (out.mean == 0.0 ? 1.0 : 0.0);
  return out;
}

std::vector<double> holm(std::span<const double> p_values) {
  std::vector<std::size_t> order(p_values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  for (const double p : p_values) {
    if (!(p >= 0.0 && p <= 1.0)) throw InputError(fmt::format("a p-value must lie in [0, 1], got {}", p));
  }
  std::stable_sort(order.begin(), order.end(), [&](std::size_t i, std::size_t j) { return p_values[i] < p_values[j]; });
  std::vector<double> adjusted(p_values.size());
  double so_far = 0.0;
  for (std::size_t rank = 0; rank < order.size(); ++rank) {
    so_far = std::max(so_far, static_cast<double>(order.size() - rank) * p_values[order[rank]]);
    adjusted[order[rank]] = std::min(so_far, 1.0);
  }
  return adjusted;
}

}  // namespace assay
