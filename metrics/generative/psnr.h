#pragma once
#include <ATen/core/Tensor.h>

#include <vector>

namespace assay {

/// Peak signal-to-noise ratio in dB of each image of `images` against that of `reference`, both [B, ...] of one shape
/// and of any type: 10 log10(range^2 / mean squared difference), worked out in double. `range` is the width of the
/// values: 1 for [0, 1], 2 for [-1, 1], 255 for bytes. Infinite for equal images, NaN where a difference is. Throws
/// Error for other shapes and a range that is not above 0.
std::vector<double> psnr(const at::Tensor& images, const at::Tensor& reference, double range);

}  // namespace assay
