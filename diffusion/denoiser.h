#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>

#include "diffusion/condition.h"
#include "diffusion/prediction.h"

namespace assay {

/// What a sampler needs of a network, or of an exact oracle: the predicted noise, or what stands for it.
class Denoiser {
 public:
  virtual ~Denoiser() = default;

  /// eps(x_t, t, c) or what prediction() says, same shape as x (see learned_variance). `x`: [B, C, H, W]; `timesteps`:
  /// [B], of the original process (0 is the least noisy); `condition`: for every row, or undefined for the null
  /// condition on every row. Throws InputError for a condition of another size or kind.
  virtual at::Tensor predict(const at::Tensor& x, const at::Tensor& timesteps, const Condition& condition) const = 0;

  /// What predict() gives. Samplers of our own take any and convert; a scheduler of diffusers must take the same.
  virtual Prediction prediction() const { return Prediction::epsilon; }

  /// Width of a condition row; 0 when the denoiser takes no vector.
  virtual std::int64_t condition_size() const = 0;

  /// Channels of a layout map; 0 when the denoiser takes none.
  virtual std::int64_t layout_channels() const { return 0; }

  /// Whether the condition is a text (Condition::text).
  virtual bool takes_text() const { return false; }

  /// Whether predict() returns [B, 2C, H, W]: eps, then v of a learned variance (ADM's learn_sigma).
  virtual bool learned_variance() const { return false; }

  /// Whether predict() takes the null condition. ADM's class-conditional networks have none.
  virtual bool has_null_condition() const { return true; }
};

/// eps alone, [B, C, H, W], whether or not the variance is learned.
inline at::Tensor predict_eps(const Denoiser& denoiser, const at::Tensor& x, const at::Tensor& timesteps,
                              const Condition& condition) {
  const at::Tensor output = denoiser.predict(x, timesteps, condition);
  return denoiser.learned_variance() ? output.narrow(1, 0, x.size(1)) : output;
}

}  // namespace assay
