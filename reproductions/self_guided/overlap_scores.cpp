#include "reproductions/self_guided/overlap_scores.h"

#include <fmt/format.h>

#include <span>

#include "metrics/statistics/bootstrap.h"

namespace assay::self_guided {

Score overlap_score(const std::string& arm, const LayoutOverlap& overlap, const nlohmann::json& params,
                    const OverlapIntervals& how) {
  const auto statistic = [&](std::span<const std::int64_t> images) { return overlap.mean_iou(images); };
  return {.arm = arm,
          .name = "layout_miou",
          .value = overlap.mean_iou(),
          .direction = Better::higher,
          .n = overlap.images(),
          .interval = percentile_interval(bootstrap(overlap.images(), statistic, how.replicates, how.seed, 1),
                                          fmt::format("bootstrap over images, {}", how.replicates)),
          .protocol = "layout",
          .params = params};
}

Score overlap_difference(const std::string& arm_a, const LayoutOverlap& a, const std::string& arm_b,
                         const LayoutOverlap& b, const nlohmann::json& params, const OverlapIntervals& how) {
  const auto of = [](const LayoutOverlap& overlap) {
    return [&overlap](std::span<const std::int64_t> images) { return overlap.mean_iou(images); };
  };
  return {.arm = arm_a + " - " + arm_b,
          .name = "layout_miou difference",
          .value = a.mean_iou() - b.mean_iou(),
          .direction = Better::higher,
          .n = a.images(),
          .interval = percentile_interval(paired_bootstrap(a.images(), of(a), of(b), how.replicates, how.seed, 1),
                                          fmt::format("paired bootstrap over images, {}", how.replicates)),
          .protocol = "layout",
          .params = params};
}

}  // namespace assay::self_guided
