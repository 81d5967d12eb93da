#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "reproductions/objects/local_features.h"
#include "reproductions/objects/patch_grid.h"

namespace assay::self_guided {

/// LOST's boxes of images and the layouts made of them: what arm `self_box` shows the denoiser.
struct BoxLayouts {
  std::vector<PixelBox> boxes;  // [N], in pixels of the images
  at::Tensor components;        // [N, 1, H, W] float, 1 in the patches that the box is put around
  at::Tensor layout;            // [N, 1, H, W] float, 1 inside the box
};

/// [N, 1, height, width] float, 1 where xmin <= x < xmax and ymin <= y < ymax (SGDM's published code).
/// Throws InputError for a box that leaves the image or holds no pixel.
at::Tensor box_layout(const std::vector<PixelBox>& boxes, std::int64_t height, std::int64_t width);

/// LOST on local features of an encoder that is trained here (find_by_lost(), whose share this is).
BoxLayouts find_boxes(const LocalFeatures& features, double candidate_share);

}  // namespace assay::self_guided
