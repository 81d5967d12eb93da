#pragma once
#include <cstdint>
#include <string>

#include "core/score_interval.h"

namespace assay {

/// The 95 % score interval of a proportion (Wilson 1927), inside [0, 1]. Throws InputError unless 0 <= hits <= n and
/// n >= 1. `method` is the interval's own, as in "Wilson over samples".
ScoreInterval wilson_interval(std::int64_t hits, std::int64_t n, std::string method = {});

}  // namespace assay
