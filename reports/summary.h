#pragma once
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "store/rows.h"

namespace assay {

/// Mean and its 95 % t interval over seeds; no interval for one value.
struct SeedMean {
  double mean = 0.0;
  std::optional<ScoreInterval> interval;
};
SeedMean mean_over_seeds(std::span<const double> values);

/// Median and its 95 % interval from order statistics (no assumption on the distribution). Below six values no such
/// interval exists: the range is given, and `is_range` says so.
struct MedianSummary {
  double median = 0.0;
  double low = 0.0;
  double high = 0.0;
  bool is_range = false;
};
MedianSummary summarise_median(std::vector<double> values);

/// One score of one arm under one protocol and one set of params, over the seeds that have it.
struct ScoreGroup {
  std::string method, tier, dataset, arm, name, unit, protocol;
  RowId protocol_id = 0;
  Better better = Better::unstated;
  nlohmann::json params;
  std::vector<ScoreRow> values;     // in run order
  std::vector<std::int64_t> seeds;  // of `values`
  double mean = 0.0;
  /// Over seeds; with one seed, or one value for all of them, the interval of that value, which may be none.
  std::optional<ScoreInterval> interval;
};

/// Groups in the order of their first score.
std::vector<ScoreGroup> group_scores(const std::vector<ScoreRow>& scores, const std::vector<RunRow>& runs);

/// Whether params hold all that are wanted; they may hold more.
bool has_params(const nlohmann::json& params, const nlohmann::json& wanted);

/// Guidance weight in the convention of Imagen: prediction = uncond + w (cond - uncond); w_cfg = w - 1.
/// Reads "w", else "w_cfg" + 1; none when the params name no weight.
std::optional<double> guidance_weight(const nlohmann::json& params);

}  // namespace assay
