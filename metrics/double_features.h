#pragma once
#include <cstdint>
#include <span>

#include "metrics/frechet.h"

namespace assay {

/// The Gaussian of features [n, width] that were given in double, row-major and finite, without rounding them to
/// float32 first; low-rank where n <= width, as of float32 features. Throws InputError with fewer than two rows.
Gaussian gaussian_of_doubles(std::span<const double> features, std::int64_t width, Divisor divisor);

}  // namespace assay
