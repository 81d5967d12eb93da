#include "diffusion/sampling/last_steps.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/full.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/interrupt.h"
#include "diffusion/sampling/recomputed.h"

namespace assay {

LastStepsChain::LastStepsChain(std::function<std::unique_ptr<Scheduler>()> make, std::int64_t steps,
                               std::int64_t differentiated)
    : make_(std::move(make)), steps_(steps), calls_(static_cast<std::int64_t>(ready()->timesteps().size())) {
  if (differentiated < 1)
    throw InputError(
        fmt::format("gradient through the last {} calls of the network; accepted: 1 to {}", differentiated, calls_));
  differentiated_ = std::min(differentiated, calls_);
}

std::unique_ptr<Scheduler> LastStepsChain::ready() const {
  std::unique_ptr<Scheduler> scheduler = make_();
  scheduler->set_timesteps(steps_);
  return scheduler;
}

at::Tensor LastStepsChain::sample(const ConditionedPrediction& predict, const at::Tensor& condition, at::Tensor x,
                                  const StepNoise& noise) const {
  const bool recording = at::GradMode::is_enabled();
  const std::unique_ptr<Scheduler> scheduler = ready();
  x = scheduler->init_noise_sigma() * x.detach();
  const std::vector<double> times = scheduler->timesteps();
  for (std::int64_t call = 0; call < calls_; ++call) {
    stop_if_interrupted();
    const at::AutoGradMode record(recording && call >= calls_ - differentiated_);
    const double time = times[static_cast<std::size_t>(call)];
    const bool whole = time == std::trunc(time);
    const at::Tensor t = at::full({x.size(0)}, time, x.options().dtype(whole ? at::kLong : at::kFloat));
    const double alpha_bar = scheduler->current_alpha_bar();
    const at::Tensor output = recomputed(
        [predict, t, alpha_bar](const at::Tensor& seen, const at::Tensor& told) {
          return predict({seen, t, alpha_bar}, told);
        },
        scheduler->scale_model_input(x), condition);
    x = scheduler->step(output, x, scheduler->needs_noise() ? noise_of_step(noise, call, "last-steps") : at::Tensor());
  }
  return x;
}

}  // namespace assay
