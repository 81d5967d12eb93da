#pragma once
#include <span>

namespace assay {

/// Slope of the line through (x, y) with the least sum of squared distances in y. Throws InputError for different
/// lengths, fewer than two points, or an x that is the same in all.
double least_squares_slope(std::span<const double> x, std::span<const double> y);

}  // namespace assay
