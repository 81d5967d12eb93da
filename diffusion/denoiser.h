#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>

#include "diffusion/condition.h"

namespace assay {

/// What a sampler needs of a network, or of an exact oracle: the predicted noise.
class Denoiser {
 public:
  virtual ~Denoiser() = default;

  /// eps(x_t, t, c), same shape as x; twice the channels, eps first, where learned_variance(). `x`: [B, C, H, W];
  /// `timesteps`: [B], of the original process (0 is the least noisy); `condition`: for every row, or undefined for the
  /// null condition on every row. Throws InputError for a condition of another size, and for none on a denoiser that
  /// knows no null condition.
  virtual at::Tensor predict(const at::Tensor& x, const at::Tensor& timesteps, const Condition& condition) const = 0;

  /// Width of a condition row; 0 when the denoiser takes no vector.
  virtual std::int64_t condition_size() const = 0;
  /// Channels of a layout map; 0 when the denoiser takes none.
  virtual std::int64_t layout_channels() const { return 0; }
  /// Whether predict() also gives the variance as ADM learns it (the range between the two fixed ones).
  virtual bool learned_variance() const { return false; }
};

}  // namespace assay
