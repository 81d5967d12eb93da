#include "reproductions/self_guided/algorithm/layout_overlap.h"

#include <fmt/format.h>

#include <numeric>

#include "metrics/statistics/bootstrap.h"

namespace assay::self_guided {

LayoutOverlap::LayoutOverlap(const at::Tensor& asked, const at::Tensor& found, std::int64_t classes)
    : classes_(classes) {
  const at::Tensor want = asked.to(at::kByte).contiguous(), have = found.to(at::kByte).contiguous();
  const std::int64_t n = want.size(0), pixels = want.numel() / n;
  counts_.reserve(static_cast<std::size_t>(n));
  for (std::int64_t i = 0; i < n; ++i) {
    const auto image = [&](const at::Tensor& maps) {
      return std::span(maps.const_data_ptr<std::uint8_t>() + i * pixels, static_cast<std::size_t>(pixels));
    };
    counts_.push_back(confusion(image(want), image(have), static_cast<int>(want.size(2)), static_cast<int>(classes)));
  }
}

double LayoutOverlap::mean_iou(std::span<const std::int64_t> images) const {
  Confusion sum(static_cast<int>(classes_));
  for (const std::int64_t i : images) sum.add(counts_[static_cast<std::size_t>(i)]);
  return scores(sum).mean_iou;
}

double LayoutOverlap::mean_iou() const {
  std::vector<std::int64_t> all(counts_.size());
  std::iota(all.begin(), all.end(), 0);
  return mean_iou(all);
}

Score overlap_score(const std::string& arm, const LayoutOverlap& overlap, const nlohmann::json& params,
                    const OverlapIntervals& how) {
  const auto statistic = [&](std::span<const std::int64_t> images) { return overlap.mean_iou(images); };
  const assay::Interval interval =
      percentile_interval(bootstrap(overlap.images(), statistic, how.replicates, how.seed, 1));
  return {arm,
          "layout_miou",
          overlap.mean_iou(),
          "",
          ScoreDirection::higher_is_better,
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
      ScoreDirection::higher_is_better,
      a.images(),
      ScoreInterval{interval.low, interval.high, 0.95, fmt::format("paired bootstrap over images, {}", how.replicates)},
      "layout",
      params};
}

}  // namespace assay::self_guided
