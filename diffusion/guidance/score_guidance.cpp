#include "diffusion/guidance/score_guidance.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/zeros_like.h>

namespace assay {

at::Tensor GuidanceSum::gradient(const at::Tensor& x, const at::Tensor& timesteps) {
  at::Tensor sum;
  for (ScoreGuidance* term : terms_) {
    const at::Tensor gradient = term->gradient(x, timesteps);
    sum = sum.defined() ? sum + gradient : gradient;
  }
  return sum.defined() ? sum : at::zeros_like(x);
}

}  // namespace assay
