#include "diffusion/guidance/guidance.h"

#include <ATen/TensorOperators.h>

#include "core/error.h"

namespace assay {
namespace {

at::Tensor first_channels(const at::Tensor& output, std::int64_t channels) {
  return output.defined() && output.size(1) != channels ? output.narrow(1, 0, channels) : output;
}

}  // namespace

Branches Branches::eps(std::int64_t channels) const {
  return {first_channels(with, channels), first_channels(without, channels), weight};
}

at::Tensor Branches::mixed() const { return both() ? (1 - weight) * without + weight * with : leading(); }

at::Tensor unconditional_prediction(const Denoiser& denoiser, const SamplingPoint& point) {
  if (!denoiser.has_null_condition())
    throw InputError(
        "guidance: this class-conditional network has no null condition; give every sample a class and w = 1");
  return denoiser.predict(point.x, point.timesteps, {});
}

Branches guided_eps(Guidance& guidance, const Denoiser& denoiser, const SamplingPoint& point) {
  Branches eps = guidance.predict(denoiser, point).eps(point.x.size(1));
  if (denoiser.prediction() != Prediction::epsilon) {
    const double root = std::sqrt(point.alpha_bar), rest = std::sqrt(1 - point.alpha_bar);
    for (at::Tensor* branch : {&eps.with, &eps.without})
      if (branch->defined()) *branch = split(denoiser.prediction(), *branch, point.x, root, rest).eps;
  }
  const at::Tensor term = guidance.gradient(point);
  if (!term.defined()) return eps;
  return {.with = eps.mixed() - std::sqrt(1 - point.alpha_bar) * term};
}

at::Tensor guided_prediction(Guidance& guidance, const Denoiser& denoiser, const SamplingPoint& point) {
  const at::Tensor mixed = guidance.predict(denoiser, point).eps(point.x.size(1)).mixed();
  const at::Tensor term = guidance.gradient(point);
  if (!term.defined()) return mixed;
  const double root = std::sqrt(point.alpha_bar), rest = std::sqrt(1 - point.alpha_bar);
  if (denoiser.prediction() == Prediction::epsilon) return mixed - rest * term;
  if (root == 0)
    throw InputError(
        "guidance: a term of the score at a step without signal (alpha_bar 0); accepted: none there, or a schedule "
        "that keeps some");
  return denoiser.prediction() == Prediction::v_prediction ? mixed - rest / root * term
                                                           : mixed + rest * rest / root * term;
}

}  // namespace assay
