#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>

namespace assay {

/// What a sampler needs of a network, or of an exact oracle: the predicted noise.
class Denoiser {
 public:
  virtual ~Denoiser() = default;

  /// eps(x_t, t, c), same shape as x. `x`: [B, C, H, W]; `timesteps`: [B], of the original process (0 is the least
  /// noisy); `condition`: [B, condition_size()] float rows (one-hot or multi-hot), or undefined for the null
  /// condition on every row.
  virtual at::Tensor predict(const at::Tensor& x, const at::Tensor& timesteps, const at::Tensor& condition) const = 0;

  /// Width of a condition row; 0 when the denoiser is unconditional.
  virtual std::int64_t condition_size() const = 0;
};

}  // namespace assay
