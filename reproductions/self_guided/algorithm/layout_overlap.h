#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

#include "metrics/masks/confusion.h"

namespace assay::self_guided {

/// How far the layouts found in images are those that were asked for, counted pixel by pixel in each image.
class LayoutOverlap {
 public:
  /// Maps [N, H, W] int64 of ids in [0, classes), at most 255 of them. Throws InputError for other ids.
  LayoutOverlap(const at::Tensor& asked, const at::Tensor& found, std::int64_t classes);

  std::int64_t images() const { return static_cast<std::int64_t>(counts_.size()); }
  /// Mean IoU over the classes that occur, of all pixels of these images, which may repeat; or of all images.
  double mean_iou(std::span<const std::int64_t> images) const;
  double mean_iou() const;

 private:
  std::int64_t classes_;
  std::vector<Confusion> counts_;  // by image
};

}  // namespace assay::self_guided
