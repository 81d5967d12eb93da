#include "diffusion/guidance/classifier_free.h"

#include <ATen/TensorOperators.h>
#include <fmt/format.h>

#include <cmath>

#include "core/error.h"
#include "core/nearest.h"

namespace assay {

GuidanceConvention read_guidance_convention(const std::string& name) {
  if (name == "imagen") return GuidanceConvention::imagen;
  if (name == "cfg") return GuidanceConvention::cfg;
  throw InputError(unknown_name_message("guidance convention", name, {"imagen", "cfg"}));
}

double to_imagen(double w, GuidanceConvention convention) {
  if (!std::isfinite(w)) throw InputError(fmt::format("guidance weight w = {} is not a finite number", w));
  return convention == GuidanceConvention::cfg ? 1.0 + w : w;
}

at::Tensor guided_prediction(const Denoiser& denoiser, const at::Tensor& x, const at::Tensor& timesteps,
                             const Condition& condition, double weight) {
  if (!condition.defined() || weight == 0.0) return predict_eps(denoiser, x, timesteps, {});
  const at::Tensor conditional = predict_eps(denoiser, x, timesteps, condition);
  if (weight == 1.0) return conditional;
  return (1 - weight) * predict_eps(denoiser, x, timesteps, {}) + weight * conditional;
}

}  // namespace assay
