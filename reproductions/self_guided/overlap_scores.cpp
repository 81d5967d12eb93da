#include "reproductions/self_guided/overlap_scores.h"

#include <fmt/format.h>

#include <span>

#include "metrics/statistics/bootstrap.h"

namespace assay::self_guided {

Score overlap_score(const std::string& arm, const LayoutOverlap& overlap, const nlohmann::json& params,
                    const OverlapIntervals& how) {
  const auto statistic = [&](std::span<const std::int64_t> images) { return overlap.mean_iou(images); };
  const assay::Interval interval =
      percentile_interval(bootstrap(overlap.images(), statistic, how.replicates, how.seed, 1));
  return {arm,
          "layout_miou",
          overlap.mean_iou(),
          "",
          Better::higher,
          overlap.images(),
          ScoreInterval{interval.low, interval.high, 0.95, fmt::format("bootstrap over images, {}", how.replicates)},
          "layout",
          params};
}

Score overlap_difference(const std::string& arm_a, const LayoutOverlap& a, const std::string& arm_b,
                         const LayoutOverlap& b, const nlohmann::json& params, const OverlapIntervals& how) {
  const auto of = [](const LayoutOverlap& overlap) {
    return [&overlap](std::span<const std::int64_t> images) { return overlap.mean_iou(images); };
  };
  const assay::Interval interval =
      percentile_interval(paired_bootstrap(a.images(), of(a), of(b), how.replicates, how.seed, 1));
  return {
      arm_a + " - " + arm_b,
      "layout_miou difference",
      a.mean_iou() - b.mean_iou(),
      "",
      Better::higher,
      a.images(),
      ScoreInterval{interval.low, interval.high, 0.95, fmt::format("paired bootstrap over images, {}", how.replicates)},
      "layout",
      params};
}

}  // namespace assay::self_guided
