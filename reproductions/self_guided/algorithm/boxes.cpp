#include "reproductions/self_guided/algorithm/boxes.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>

#include <utility>

#include "core/error.h"
#include "reproductions/objects/found_objects.h"

namespace assay::self_guided {

at::Tensor box_layout(const std::vector<PixelBox>& boxes, std::int64_t height, std::int64_t width) {
  at::Tensor layout = at::zeros({static_cast<std::int64_t>(boxes.size()), 1, height, width}, at::kFloat);
  for (std::size_t i = 0; i < boxes.size(); ++i) {
    const auto [left, top, right, bottom] = boxes[i];
    if (left < 0 || top < 0 || right > width || bottom > height || left >= right || top >= bottom)
      throw InputError(
          fmt::format("box {} ({}, {}, {}, {}) in an image of {} x {}; accepted: xmin, ymin, xmax, ymax "
                      "inside it with at least one pixel",
                      i, left, top, right, bottom, height, width));
    layout[static_cast<std::int64_t>(i)].narrow(1, top, bottom - top).narrow(2, left, right - left).fill_(1.0f);
  }
  return layout;
}

BoxLayouts find_boxes(const LocalFeatures& features, double candidate_share) {
  const std::int64_t height = features.rows * features.patch, width = features.columns * features.patch;
  FoundObjects found = find_by_lost(features, candidate_share, height, width);
  at::Tensor layout = box_layout(found.boxes, height, width);
  return {std::move(found.boxes), std::move(found.masks), std::move(layout)};
}

}  // namespace assay::self_guided
