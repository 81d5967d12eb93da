#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "reproductions/diffusion_seg/algorithm/cut_arms.h"
#include "reproductions/diffusion_seg/study.h"

namespace assay::diffusion_seg {

/// The true masks of drawn images of a data set with palettes.
struct DrawnTruth {
  std::vector<std::int64_t> usable;  // rows of the images that show an object, of an area that the cut accepts
  at::Tensor masks;                  // [usable, H, W] uint8, 0 and 255
};
DrawnTruth drawn_truth(const Study& s, const ObservedImages& drawn);

/// What an arm makes of the usable images: [usable, H, W] uint8, 0 and 255. `seed` is that of the run, for random
/// masks.
at::Tensor masks_of(const Study& s, CutArm arm, const ObservedImages& drawn, const DrawnTruth& truth,
                    const CutChoices& choices, std::uint64_t seed);

/// The overlap of each with the true mask.
std::vector<double> mask_ious(const at::Tensor& masks, const DrawnTruth& truth);

}  // namespace assay::diffusion_seg
