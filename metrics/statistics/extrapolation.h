#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "metrics/statistics/bootstrap.h"

namespace assay {

/// value(n) = limit + slope / n, fitted by least squares: what a score with a bias of order 1/n would be of endless
/// samples (Chong & Forsyth 2020).
struct InverseFit {
  double limit, slope;
  double deviation;   // standard error of `limit` from the residuals
  Interval interval;  // Student t with points - 2 degrees of freedom
};

/// Throws InputError with fewer than three points, other lengths, a size below 1, or sizes that are all the same.
InverseFit fit_inverse(std::span<const std::int64_t> sizes, std::span<const double> values, double confidence = 0.95);

/// `points` sizes spread evenly from `smallest` to `largest`, both among them, rounded down (NumPy's linspace, cast).
std::vector<std::int64_t> spread_sizes(std::int64_t smallest, std::int64_t largest, std::int64_t points);

}  // namespace assay
