#include "reproductions/self_guided/algorithm/boxes.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/parallel.h"

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
  if (!(candidate_share > 0 && candidate_share <= 1))
    throw InputError(fmt::format("LOST: candidate share {}; accepted: above 0, at most 1", candidate_share));
  const std::int64_t n = features.values.size(0), dimension = features.values.size(2);
  const std::int64_t patches = features.rows * features.columns;
  LostOptions options;
  options.patch = features.patch;
  options.candidates = std::max<std::int64_t>(1, std::llround(candidate_share * static_cast<double>(patches)));
  const std::int64_t height = features.rows * features.patch, width = features.columns * features.patch;

  const at::Tensor values = features.values.contiguous();
  const float* data = values.const_data_ptr<float>();
  BoxLayouts found;
  found.boxes.resize(static_cast<std::size_t>(n));
  at::Tensor grid = at::zeros({n, 1, features.rows, features.columns}, at::kFloat);
  float* marks = grid.mutable_data_ptr<float>();
  parallel_for(n, 0, [&](std::int64_t i, int /*worker*/) {
    const std::span<const float> of_image(data + i * patches * dimension,
                                          static_cast<std::size_t>(patches * dimension));
    const LostBox box = lost(of_image, features.rows, features.columns, dimension, height, width, options);
    found.boxes[static_cast<std::size_t>(i)] = box.box;
    std::copy(box.component.begin(), box.component.end(), marks + i * patches);
  });
  found.components = grid.repeat_interleave(features.patch, 2).repeat_interleave(features.patch, 3);
  found.layout = box_layout(found.boxes, height, width);
  return found;
}

}  // namespace assay::self_guided
