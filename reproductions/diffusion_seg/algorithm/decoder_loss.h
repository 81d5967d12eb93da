#pragma once
#include <ATen/core/Tensor.h>

namespace assay::diffusion_seg {

/// What a decoder is trained by: of each image the mean over its pixels of the cross-entropy between sigmoid(logits) =
/// p and the mask g, plus the soft IoU loss 1 - sum(p g) / sum(p + g - p g); then the mean over the images. A scalar of
/// the logits' type, differentiable in them.
///
/// `logits` and `masks` [B, H, W]; a mask's values lie in [0, 1] and need not be 0 or 1. Where a mask is 0 everywhere,
/// the second term would be 1 whatever p is (0 / 0 where p is 0 too) and would teach nothing: it is left out there.
/// Throws InputError for other shapes, or no image.
at::Tensor decoder_loss(const at::Tensor& logits, const at::Tensor& masks);

}  // namespace assay::diffusion_seg
