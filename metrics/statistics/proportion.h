#pragma once
#include <cstdint>

#include "metrics/statistics/bootstrap.h"

namespace assay {

/// The 95 % score interval of a proportion (Wilson 1927), inside [0, 1]. Throws InputError unless 0 <= hits <= n and
/// n >= 1.
Interval wilson_interval(std::int64_t hits, std::int64_t n);

}  // namespace assay
