#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>

namespace assay {

/// What classifier guidance needs of a noise-aware network, or of an exact oracle: p(y | x_t, t).
class Classifier {
 public:
  virtual ~Classifier() = default;

  /// Logits [B, classes()], differentiable in x. `x`: [B, C, H, W]; `timesteps`: [B], as a denoiser gets them: of the
  /// original, unspaced process (0 is the least noisy).
  virtual at::Tensor logits(const at::Tensor& x, const at::Tensor& timesteps) const = 0;

  virtual std::int64_t classes() const = 0;
};

}  // namespace assay
