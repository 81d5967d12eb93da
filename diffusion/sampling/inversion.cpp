#include "diffusion/sampling/inversion.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/full.h>
#include <fmt/format.h>

#include <cmath>
#include <cstddef>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/interrupt.h"
#include "diffusion/prediction.h"
#include "diffusion/process/respacing.h"
#include "diffusion/sampling/diffusers/ddim_scheduler.h"
#include "diffusion/sampling/diffusers/make_scheduler.h"

namespace assay {
namespace {

std::vector<InversionStep> steps_of_diffusers(const NoiseSchedule& schedule, const InversionOptions& options) {
  DdimInverseScheduler scheduler(
      schedule,
      {.set_alpha_to_one = options.set_alpha_to_one, .steps_offset = options.steps_offset, .spacing = options.spacing});
  scheduler.set_timesteps(options.steps);
  const std::int64_t stride = schedule.steps() / options.steps;
  std::vector<InversionStep> steps;
  steps.reserve(scheduler.timesteps().size());
  for (const double time : scheduler.timesteps()) {
    const auto t = static_cast<std::int64_t>(time);
    const auto alpha_bar = [&](std::int64_t at) { return schedule.alpha_bar[static_cast<std::size_t>(at)]; };
    const double first = options.set_alpha_to_one ? 1.0 : alpha_bar(0);
    steps.push_back({t, t, t >= stride ? alpha_bar(t - stride) : first, alpha_bar(t)});
  }
  return steps;
}

std::vector<InversionStep> steps_of_guided_diffusion(const NoiseSchedule& schedule, std::int64_t count) {
  if (count < 2) throw InputError(fmt::format("inversion: {} steps; accepted: at least 2", count));
  const std::vector<std::int64_t> times = space_timesteps(schedule.steps(), fmt::format("ddim{}", count));
  std::vector<InversionStep> steps;
  steps.reserve(times.size());
  for (std::size_t i = 0; i + 1 < times.size(); ++i)
    steps.push_back({times[i], times[i + 1], schedule.alpha_bar[static_cast<std::size_t>(times[i])],
                     schedule.alpha_bar[static_cast<std::size_t>(times[i + 1])]});
  return steps;
}

/// x at the level `to` from x at `from`, by what the network says when it is told `timestep`.
at::Tensor moved(const Denoiser& denoiser, const Condition& condition, const at::Tensor& x, std::int64_t timestep,
                 double from, double to) {
  stop_if_interrupted();
  const at::Tensor t = at::full({x.size(0)}, timestep, x.options().dtype(at::kLong));
  const at::Tensor output = predict_eps(denoiser, x, t, condition);
  const Predicted p = split(denoiser.prediction(), output, x, std::sqrt(from), std::sqrt(1 - from));
  return std::sqrt(to) * p.x0 + std::sqrt(1 - to) * p.eps;
}

}  // namespace

Inversion::Inversion(const NoiseSchedule& schedule, const InversionOptions& options)
    : steps_(options.convention == InversionConvention::diffusers
                 ? steps_of_diffusers(schedule, options)
                 : steps_of_guided_diffusion(schedule, options.steps)) {}

at::Tensor Inversion::invert(const Denoiser& denoiser, const Condition& condition, at::Tensor x,
                             const StepObserver& observer, std::int64_t predictions) const {
  const at::NoGradGuard no_grad;
  if (denoiser.prediction() == Prediction::sample && steps_.front().alpha_bar == 1.0)
    throw InputError(
        "inversion: a network that predicts x0 says nothing of the noise at alpha_bar 1, where this inversion begins; "
        "accepted: set_alpha_to_one false, or the convention guided_diffusion");
  for (std::size_t i = 0; i < steps_.size() && static_cast<std::int64_t>(i) < predictions; ++i) {
    const InversionStep& step = steps_[i];
    x = moved(denoiser, condition, x, step.timestep, step.alpha_bar, step.alpha_bar_next);
    if (observer) observer(static_cast<std::int64_t>(i), x);
  }
  return x;
}

at::Tensor Inversion::sample(const Denoiser& denoiser, const Condition& condition, at::Tensor x,
                             const StepObserver& observer) const {
  const at::NoGradGuard no_grad;
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    const InversionStep& step = steps_[steps_.size() - 1 - i];
    x = moved(denoiser, condition, x, step.timestep_back, step.alpha_bar_next, step.alpha_bar);
    if (observer) observer(static_cast<std::int64_t>(i), x);
  }
  return x;
}

Inversion inversion_of_config(const nlohmann::json& config, const std::string& where, InversionConvention convention,
                              std::int64_t steps) {
  scheduler_of_config(config, where, "ddim_inverse");  // checks the keys read below
  const auto said = [&](const char* key) { return config.contains(key) && !config.at(key).is_null(); };
  InversionOptions options;
  options.convention = convention;
  options.steps = steps;
  if (said("timestep_spacing"))
    options.spacing = value_of("timestep_spacing", config.at("timestep_spacing").get<std::string>(), spacing_names);
  if (said("steps_offset")) options.steps_offset = config.at("steps_offset").get<std::int64_t>();
  if (said("set_alpha_to_one")) options.set_alpha_to_one = config.at("set_alpha_to_one").get<bool>();
  return {schedule_of_config(config, where), options};
}

}  // namespace assay
