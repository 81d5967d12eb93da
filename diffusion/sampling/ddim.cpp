#include "diffusion/sampling/ddim.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/full.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "core/error.h"
#include "core/interrupt.h"
#include "diffusion/process/dynamic_threshold.h"
#include "diffusion/process/respacing.h"
#include "kernels/guided_ddim_step.h"

namespace assay {

std::vector<DdimStep> ddim_steps(const NoiseSchedule& schedule, DdimVariant variant, std::int64_t count, double eta) {
  const std::int64_t total = schedule.steps();
  if (count < 1 || count > total) throw InputError(fmt::format("DDIM: {} steps; accepted: 1 to {}", count, total));
  if (!(eta >= 0 && eta <= 1)) throw InputError(fmt::format("DDIM: eta {}; accepted: 0 to 1", eta));

  std::vector<std::int64_t> times;
  if (variant == DdimVariant::sgdm) {
    const std::int64_t stride = total / count;
    for (std::int64_t j = 0; j * stride < total; ++j) times.push_back(1 + j * stride);
    if (times.back() >= total)
      throw InputError(fmt::format("DDIM: {} steps of {} would need step {}; the SGDM list starts at 1", count, total,
                                   times.back()));
  } else {
    times = space_timesteps(total, fmt::format("ddim{}", count));
  }

  const auto alpha_bar = [&](std::int64_t t) { return schedule.alpha_bar[static_cast<std::size_t>(t)]; };
  std::vector<DdimStep> steps;
  for (std::size_t j = times.size(); j-- > 0;) {
    const double a = alpha_bar(times[j]);
    const double previous = j > 0 ? alpha_bar(times[j - 1]) : variant == DdimVariant::sgdm ? alpha_bar(0) : 1.0;
    const double sigma = eta * std::sqrt((1 - previous) / (1 - a) * (1 - a / previous));
    steps.push_back({times[j], a, previous, sigma});
  }
  return steps;
}

DdimStep ancestral_step(const NoiseSchedule& schedule, std::int64_t t) {
  if (t < 0 || t >= schedule.steps())
    throw InputError(fmt::format("DDPM: time step {} is outside 0 to {}", t, schedule.steps() - 1));
  const auto at = static_cast<std::size_t>(t);
  const double a = schedule.alpha_bar[at], previous = t > 0 ? schedule.alpha_bar[at - 1] : 1.0;
  return {t, a, previous, std::sqrt((1 - previous) / (1 - a) * schedule.beta[at])};
}

at::Tensor ddim_step(const at::Tensor& x, const at::Tensor& eps, const DdimStep& step, const DdimOptions& options,
                     const at::Tensor& noise) {
  return ddim_step(x, Branches{.with = eps}, step, options, noise);
}

at::Tensor ddim_step(const at::Tensor& x, const Branches& eps, const DdimStep& step, const DdimOptions& options,
                     const at::Tensor& noise) {
  const bool rederive = options.variant == DdimVariant::adm;
  const bool thresholds = options.clip && options.threshold_quantile < 1;
  if (!options.limit_x0 && !thresholds) {
    const DdimCoefficients coefficients{step.alpha_bar, step.alpha_bar_previous, step.sigma, options.clip, rederive};
    const std::optional<at::Tensor> z = noise.defined() ? std::optional(noise) : std::nullopt;
    return eps.both() ? guided_ddim_step(x, eps.without, eps.with, eps.weight, coefficients, z)
                      : guided_ddim_step(x, eps.leading(), std::nullopt, 0.0, coefficients, z);
  }
  // The x0 of the whole image decides its limits, so this step cannot be one pass over memory.
  const double root = std::sqrt(step.alpha_bar), rest = std::sqrt(1 - step.alpha_bar);
  const at::Tensor predicted = eps.mixed();
  at::Tensor x0 = (x - rest * predicted) / root;
  x0 = options.limit_x0 ? options.limit_x0(x0) : dynamic_threshold(x0, options.threshold_quantile);
  if (step.alpha_bar_previous == 1.0) return x0;
  const at::Tensor kept = rederive ? (x - root * x0) / rest : predicted;
  const double direction = std::sqrt(std::max(0.0, 1 - step.alpha_bar_previous - step.sigma * step.sigma));
  at::Tensor next = std::sqrt(step.alpha_bar_previous) * x0 + direction * kept;
  return step.sigma > 0 ? next + step.sigma * noise : next;
}

DdimSampler::DdimSampler(const NoiseSchedule& schedule, DdimOptions options)
    : steps_(ddim_steps(schedule, options.variant, options.steps, options.eta)), options_(std::move(options)) {}

at::Tensor DdimSampler::sample(const Denoiser& denoiser, Guidance& guidance, at::Tensor x, const StepNoise& noise,
                               const StepObserver& observer) const {
  const at::NoGradGuard no_grad;
  for (std::int64_t i = 0; i < steps(); ++i) {
    stop_if_interrupted();
    const DdimStep& step = steps_[static_cast<std::size_t>(i)];
    const at::Tensor z = step.sigma > 0 ? noise_of_step(noise, i, "DDIM") : at::Tensor();
    const at::Tensor t = at::full({x.size(0)}, step.timestep, x.options().dtype(at::kLong));
    x = ddim_step(x, guided_eps(guidance, denoiser, {x, t, step.alpha_bar}), step, options_, z);
    if (observer) observer(i, x);
  }
  return x;
}

}  // namespace assay
