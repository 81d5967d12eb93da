#pragma once
#include <string_view>

#include "metrics/statistics/bootstrap.h"

namespace assay {

/// The values a score can take, by its metric's name (docs/measuring.md): {-inf, inf} where nothing bounds it.
Interval score_range(std::string_view metric);

/// The part of an interval that lies in the score's range.
Interval within_range(std::string_view metric, Interval interval);

/// The part of an interval of a difference of two such scores that such differences can take.
Interval within_difference_range(std::string_view metric, Interval interval);

}  // namespace assay
