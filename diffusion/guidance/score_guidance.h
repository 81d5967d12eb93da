#pragma once
#include <ATen/core/Tensor.h>

#include <vector>

#include "diffusion/guidance/guidance.h"

namespace assay {

/// Guidance by a term added to the score alone, as a classifier's: the prediction is the one for the null condition.
class ScoreGuidance : public Guidance {
 public:
  /// The term at x [B, C, H, W], of the shape and type of x, its scale included. `timesteps`: [B], as a denoiser gets
  /// them.
  virtual at::Tensor gradient(const at::Tensor& x, const at::Tensor& timesteps) = 0;

  Branches predict(const Denoiser& denoiser, const SamplingPoint& point) const override;
  at::Tensor gradient(const SamplingPoint& point) final { return gradient(point.x, point.timesteps); }
};

/// The predictions of one guidance and the sum of all terms of the score: its own, if it has one, and those that are
/// added. All of them must outlive the sum.
class GuidanceSum : public Guidance {
 public:
  explicit GuidanceSum(Guidance& prediction) : prediction_(prediction) {}
  void add(ScoreGuidance& term) { terms_.push_back(&term); }

  Branches predict(const Denoiser& denoiser, const SamplingPoint& point) const override;
  at::Tensor gradient(const SamplingPoint& point) override;
  Evaluations evaluations() const override { return prediction_.evaluations(); }

 private:
  Guidance& prediction_;
  std::vector<ScoreGuidance*> terms_;
};

}  // namespace assay
