#include "reproductions/diffusion_seg/algorithm/decoder_loss.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Reduction.h>
#include <ATen/ops/binary_cross_entropy_with_logits.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros_like.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/error.h"

namespace assay::diffusion_seg {

at::Tensor decoder_loss(const at::Tensor& logits, const at::Tensor& masks) {
  if (logits.dim() != 3 || logits.sizes() != masks.sizes() || logits.numel() == 0)
    throw InputError(fmt::format("decoder loss: logits [{}] and masks [{}]; accepted: [images, height, width] for both",
                                 fmt::join(logits.sizes(), ", "), fmt::join(masks.sizes(), ", ")));
  const at::Tensor truth = masks.to(logits.scalar_type());
  // All images have as many pixels, so the mean of their means is the mean over all.
  const at::Tensor entropy = at::binary_cross_entropy_with_logits(logits, truth, {}, {}, at::Reduction::Mean);

  const at::Tensor guess = at::sigmoid(logits);
  const at::Tensor both = (guess * truth).sum({1, 2}), held = truth.sum({1, 2});
  const at::Tensor holds = held > 0;
  // A union of 1 stands in where there is nothing to find, so that neither 0 / 0 nor its gradient comes up.
  const at::Tensor united = at::where(holds, guess.sum({1, 2}) + held - both, at::ones_like(held));
  return entropy + at::where(holds, 1 - both / united, at::zeros_like(held)).mean();
}

}  // namespace assay::diffusion_seg
