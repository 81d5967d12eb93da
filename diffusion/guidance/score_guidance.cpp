#include "diffusion/guidance/score_guidance.h"

#include <ATen/TensorOperators.h>

namespace assay {

Branches ScoreGuidance::predict(const Denoiser& denoiser, const SamplingPoint& point) const {
  return {.without = unconditional_prediction(denoiser, point)};
}

Branches GuidanceSum::predict(const Denoiser& denoiser, const SamplingPoint& point) const {
  return prediction_.predict(denoiser, point);
}

at::Tensor GuidanceSum::gradient(const SamplingPoint& point) {
  at::Tensor sum = prediction_.gradient(point);
  for (ScoreGuidance* term : terms_) {
    const at::Tensor gradient = term->gradient(point);
    sum = sum.defined() ? sum + gradient : gradient;
  }
  return sum;
}

}  // namespace assay
