#include "reproductions/self_guided/algorithm/layout_overlap.h"

#include <numeric>

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

}  // namespace assay::self_guided
