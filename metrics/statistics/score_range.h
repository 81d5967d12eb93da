#pragma once
#include <string_view>

#include "core/score_interval.h"

namespace assay {

/// The values a score can take, by its metric's name (docs/measuring.md): {-inf, inf} where nothing bounds it.
Interval score_range(std::string_view metric);

/// The part of an interval that lies in the score's range.
ScoreInterval within_range(std::string_view metric, ScoreInterval interval);

/// The part of an interval of a difference of two such scores that such differences can take.
ScoreInterval within_difference_range(std::string_view metric, ScoreInterval interval);

}  // namespace assay
