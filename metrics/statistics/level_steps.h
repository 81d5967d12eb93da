#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace assay {

/// Values in a row that scatter about one mean.
struct Level {
  std::int64_t first = 0;
  std::int64_t count = 0;
  double mean = 0.0;
};

/// A history as levels with steps between them, and the variance of one value about its level.
struct LevelSteps {
  std::vector<Level> levels;  // in order, together all values
  double variance = 0.0;      // 0 with no degrees of freedom
  double degrees = 0.0;

  /// The place in `levels` of the level that holds a value.
  std::size_t level_of(std::int64_t value) const;
};

/// What is known of the variance of a value from elsewhere: a sum of squares in the unit of the values squared, and its
/// degrees of freedom.
struct KnownVariance {
  double squares = 0.0;
  double degrees = 0.0;
};

/// Divides a history into levels, value by value as it grew: the change-point model of statistical process control with
/// unknown mean and variance (Hawkins, Qiu and Kang 2003). After every value, the last 1, 2, 3, 5, 8, ... values are
/// compared with those before them since the last step by Student's t; the variance is pooled over all levels. A step
/// up, or one down, is where one of these tails has a one-sided p <= alpha / number of tails (Bonferroni), so for
/// independent normal values about one mean the chance that a value, when it comes, raises a false alarm in one
/// direction is at most `alpha`. The step's place is the
/// one of greatest likelihood, and the search goes on behind it; in the end each step is placed anew between its
/// neighbours (the repartition of Bai 1997). Values that follow each other with a correlation raise more alarms than
/// `alpha`.
///
/// Throws InputError for alpha outside (0, 1) and values that are not finite. No value: no level.
LevelSteps find_levels(std::span<const double> values, double alpha, const KnownVariance& known = {});

}  // namespace assay
