#include "diffusion/guided_prediction.h"

#include <ATen/TensorOperators.h>

namespace assay {

at::Tensor guided_prediction(const Denoiser& denoiser, const at::Tensor& x, const at::Tensor& timesteps,
                             const at::Tensor& condition, double weight) {
  if (!condition.defined() || weight == 0.0) return denoiser.predict(x, timesteps, {});
  const at::Tensor conditional = denoiser.predict(x, timesteps, condition);
  if (weight == 1.0) return conditional;
  return (1 - weight) * denoiser.predict(x, timesteps, {}) + weight * conditional;
}

}  // namespace assay
