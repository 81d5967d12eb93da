#pragma once
#include <optional>
#include <string>
#include <vector>

#include "reports/pages/charts.h"
#include "reports/score_tables.h"

namespace assay {

/// A score against the guidance weight.
struct GuidanceCurve {
  LineChart chart;
  std::vector<const ScoreGroup*> groups;  // what it draws
};

/// A line for each arm that was scored at two weights or more; an arm with one score and no guidance is a level that
/// they are held against. `arms`: these alone, and the levels that were sampled at w = 0; empty: all. None where no
/// arm has two weights.
std::optional<GuidanceCurve> guidance_curve(const ScoreTable& metric, const std::vector<std::string>& arms = {});

/// What stands below the drawing: protocol, samples, how intervals were made, what w means.
Text guidance_caption(const GuidanceCurve& curve);

}  // namespace assay
