#pragma once
#include <algorithm>
#include <span>
#include <string_view>
#include <utility>

#include "core/score_interval.h"

/// What is known of a metric whatever measures it: one row of one table.
namespace assay {

/// The values that a score can take.
struct ScoreRange {
  double low, high;  // -inf and inf where nothing bounds it
};

struct MetricFacts {
  std::string_view name;   // of scores: "fid"
  std::string_view words;  // what it is, for a list; consecutive metrics that are measured alike share them
  Better better = Better::unstated;
  ScoreRange range;
};

/// All metrics, in the order in which they are listed to the user.
std::span<const MetricFacts> metric_facts();

/// Which way scores of this metric improve; unstated for a metric that is not in the table.
Better direction_of(std::string_view metric);

/// Endless for a metric that is not in the table.
ScoreRange score_range(std::string_view metric);

/// The part of an interval that lies in a range.
inline ScoreInterval part_within(ScoreRange range, ScoreInterval interval) {
  interval.low = std::clamp(interval.low, range.low, range.high);
  interval.high = std::clamp(interval.high, range.low, range.high);
  return interval;
}

/// The part of a score's interval that scores of this metric can take.
inline ScoreInterval within_range(std::string_view metric, ScoreInterval interval) {
  return part_within(score_range(metric), std::move(interval));
}

/// The part of an interval of a difference of two such scores that such differences can take.
inline ScoreInterval within_difference_range(std::string_view metric, ScoreInterval interval) {
  const ScoreRange range = score_range(metric);
  const double reach = range.high - range.low;
  return part_within({-reach, reach}, std::move(interval));
}

}  // namespace assay
