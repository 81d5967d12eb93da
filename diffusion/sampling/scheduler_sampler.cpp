#include "diffusion/sampling/scheduler_sampler.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/full.h>
#include <fmt/format.h>

#include <cmath>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/interrupt.h"

namespace assay {

SchedulerSampler::SchedulerSampler(std::function<std::unique_ptr<Scheduler>()> make, std::int64_t steps)
    : make_(std::move(make)), steps_(steps) {
  ready();
}

std::unique_ptr<Scheduler> SchedulerSampler::ready() const {
  std::unique_ptr<Scheduler> scheduler = make_();
  scheduler->set_timesteps(steps_);
  return scheduler;
}

at::Tensor SchedulerSampler::sample(const Denoiser& denoiser, Guidance& guidance, at::Tensor x, const StepNoise& noise,
                                    const StepObserver& observer) const {
  const at::NoGradGuard no_grad;
  const std::unique_ptr<Scheduler> scheduler = ready();
  if (scheduler->prediction() != denoiser.prediction())
    throw InputError(fmt::format("sampler: prediction_type {} for a network that predicts {}; accepted: {}",
                                 name_of(scheduler->prediction(), prediction_names),
                                 name_of(denoiser.prediction(), prediction_names),
                                 name_of(denoiser.prediction(), prediction_names)));
  x = scheduler->init_noise_sigma() * x;
  const std::vector<double> times = scheduler->timesteps();
  for (std::size_t i = 0; i < times.size(); ++i) {
    stop_if_interrupted();
    const auto step = static_cast<std::int64_t>(i);
    const bool whole = times[i] == std::trunc(times[i]);
    const at::Tensor t = at::full({x.size(0)}, times[i], x.options().dtype(whole ? at::kLong : at::kFloat));
    const SamplingPoint point{scheduler->scale_model_input(x), t, scheduler->current_alpha_bar()};
    const at::Tensor output = guided_prediction(guidance, denoiser, point);
    x = scheduler->step(output, x, scheduler->needs_noise() ? noise_of_step(noise, step, "scheduler") : at::Tensor());
    if (observer) observer(step, x);
  }
  return x;
}

}  // namespace assay
