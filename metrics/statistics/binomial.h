#pragma once
#include <cstdint>

#include "core/philox.h"

namespace assay {

/// A draw from the binomial distribution of `n` >= 0 trials with `probability` in [0, 1]: by inversion up to a mean of
/// 10, by transformed rejection beyond (BTRS, Hörmann 1993).
std::int64_t binomial(std::int64_t n, double probability, RandomStream& random);

}  // namespace assay
