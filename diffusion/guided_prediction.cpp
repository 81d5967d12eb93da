#include "diffusion/guided_prediction.h"

#include <ATen/TensorOperators.h>

namespace assay {

at::Tensor guided_prediction(const Denoiser& denoiser, const at::Tensor& x, const at::Tensor& timesteps,
                             const Condition& condition, double weight) {
  if (!condition.defined() || weight == 0.0) return predict_eps(denoiser, x, timesteps, {});
  const at::Tensor conditional = predict_eps(denoiser, x, timesteps, condition);
  if (weight == 1.0) return conditional;
  return (1 - weight) * predict_eps(denoiser, x, timesteps, {}) + weight * conditional;
}

}  // namespace assay
