#pragma once
#include <ATen/core/Tensor.h>

#include <vector>

namespace assay {

/// A term added to the score grad log p(x_t) while sampling.
class ScoreGuidance {
 public:
  virtual ~ScoreGuidance() = default;

  /// The term at x [B, C, H, W], of the shape and type of x, its scale included. `timesteps`: [B], as a denoiser gets
  /// them. Called once a sampling step, in the order of the steps.
  virtual at::Tensor gradient(const at::Tensor& x, const at::Tensor& timesteps) = 0;
};

/// The sum of several terms, which must outlive it; the empty sum is zero.
class GuidanceSum : public ScoreGuidance {
 public:
  explicit GuidanceSum(std::vector<ScoreGuidance*> terms) : terms_(std::move(terms)) {}
  at::Tensor gradient(const at::Tensor& x, const at::Tensor& timesteps) override;

 private:
  std::vector<ScoreGuidance*> terms_;
};

}  // namespace assay
