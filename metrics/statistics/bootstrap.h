#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace assay {

struct Interval {
  double low, high;
};

/// The value below which a share `probability` in [0, 1] of the values lies, interpolated linearly between order
/// statistics (NumPy's default). Throws InputError without values or where one is NaN.
double quantile(std::span<const double> values, double probability);

/// The percentile bootstrap interval: quantiles (1 - confidence) / 2 and (1 + confidence) / 2 of the replicates.
/// `confidence` in (0, 1).
Interval percentile_interval(std::span<const double> replicates, double confidence = 0.95);

/// The percentile interval of the replicates moved so that their mean lies on the estimate: the spread of the statistic
/// at this very n about its value. It always holds the estimate, and leaves the statistic's own bias where it is: for
/// scores whose protocol names n, as the Fréchet distance's does.
Interval recentred_interval(double estimate, std::span<const double> replicates, double confidence = 0.95);

/// Sample indices of replicate `replicate`: n draws with replacement from RandomStream(seed, resample, replicate).
/// The same for every statistic and arm, so replicates of two arms whose samples share their noise are paired.
std::vector<std::int64_t> resample_indices(std::int64_t n, std::uint64_t seed, std::int64_t replicate);

/// A statistic of the samples with these indices; called from several threads at once.
using Statistic = std::function<double(std::span<const std::int64_t>)>;

/// The statistic of each replicate, in order; `threads` 0 uses all cores. The values do not depend on `threads`.
/// Throws InputError unless n >= 1 and replicates >= 1; passes on what the statistic throws.
std::vector<double> bootstrap(std::int64_t n, const Statistic& statistic, std::int64_t replicates, std::uint64_t seed,
                              int threads = 0);

/// bootstrap() of the difference of two statistics over the same indices.
std::vector<double> paired_bootstrap(std::int64_t n, const Statistic& a, const Statistic& b, std::int64_t replicates,
                                     std::uint64_t seed, int threads = 0);

/// Mean difference of paired values (one pair a seed) with its Student t interval and two-sided p-value.
struct PairedDifference {
  std::int64_t n;
  double mean, deviation;  // of the differences; deviation over n - 1
  Interval interval;
  double p_value;  // 1 where all differences are 0; 0 where they are equal and not 0
};
/// Throws InputError with fewer than two pairs, different lengths, or a value that is not finite.
PairedDifference paired_difference(std::span<const double> a, std::span<const double> b, double confidence = 0.95);

/// Holm's step-down adjustment (Holm 1979): adjusted p-values in the order given, at most 1. Rejecting those below
/// alpha keeps the chance of any false rejection below alpha. Throws InputError for values outside [0, 1].
std::vector<double> holm(std::span<const double> p_values);

}  // namespace assay
