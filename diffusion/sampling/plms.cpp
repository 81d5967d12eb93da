#include "diffusion/sampling/plms.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/full.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/interrupt.h"

namespace assay {

PlmsSampler::PlmsSampler(const NoiseSchedule& schedule, DdimOptions options)
    : steps_(ddim_steps(schedule, options.variant, options.steps, 0.0)), options_(std::move(options)) {
  if (options_.eta != 0) throw InputError(fmt::format("PLMS: eta {}; accepted: 0", options_.eta));
}

at::Tensor PlmsSampler::sample(const Denoiser& denoiser, Guidance& guidance, at::Tensor x, const StepNoise& /*noise*/,
                               const StepObserver& observer) const {
  const at::NoGradGuard no_grad;
  const auto predict = [&](const at::Tensor& at_x, const DdimStep& step) {
    const at::Tensor t = at::full({at_x.size(0)}, step.timestep, at_x.options().dtype(at::kLong));
    return guided_eps(guidance, denoiser, {at_x, t, step.alpha_bar}).mixed();
  };
  std::vector<at::Tensor> past;  // newest last, at most three
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    stop_if_interrupted();
    const at::Tensor eps = predict(x, steps_[i]);
    const auto back = [&](std::size_t k) { return past[past.size() - k]; };
    at::Tensor combined;
    switch (past.size()) {
      case 0: {
        const at::Tensor ahead = ddim_step(x, eps, steps_[i], options_);
        combined = (eps + predict(ahead, steps_[std::min(i + 1, steps_.size() - 1)])) / 2;
        break;
      }
      case 1:
        combined = (3 * eps - back(1)) / 2;
        break;
      case 2:
        combined = (23 * eps - 16 * back(1) + 5 * back(2)) / 12;
        break;
      default:
        combined = (55 * eps - 59 * back(1) + 37 * back(2) - 9 * back(3)) / 24;
    }
    x = ddim_step(x, combined, steps_[i], options_);
    past.push_back(eps);
    if (past.size() > 3) past.erase(past.begin());
    if (observer) observer(static_cast<std::int64_t>(i), x);
  }
  return x;
}

}  // namespace assay
