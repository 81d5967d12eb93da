#include "diffusion/sampling/plms.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/interrupt.h"
#include "diffusion/guidance/classifier_free.h"

namespace assay {

at::Tensor plms_sample(const Denoiser& denoiser, const NoiseSchedule& schedule, const DdimOptions& options,
                       at::Tensor x, const Condition& condition) {
  if (options.eta != 0) throw InputError(fmt::format("PLMS: eta {}; accepted: 0", options.eta));
  return plms_sample(denoiser, ddim_steps(schedule, options.variant, options.steps, 0.0), options, std::move(x),
                     condition);
}

at::Tensor plms_sample(const Denoiser& denoiser, const std::vector<DdimStep>& steps, const DdimOptions& options,
                       at::Tensor x, const Condition& condition) {
  const auto predict = [&](const at::Tensor& at_x, std::int64_t timestep) {
    const at::Tensor t = at::full({at_x.size(0)}, timestep, at_x.options().dtype(at::kLong));
    return guided_prediction(denoiser, at_x, t, condition, options.weight);
  };
  std::vector<at::Tensor> past;  // newest last, at most three
  for (std::size_t i = 0; i < steps.size(); ++i) {
    stop_if_interrupted();
    const at::Tensor eps = predict(x, steps[i].timestep);
    const auto back = [&](std::size_t k) { return past[past.size() - k]; };
    at::Tensor combined;
    switch (past.size()) {
      case 0: {
        const at::Tensor ahead = ddim_step(x, eps, steps[i], options);
        combined = (eps + predict(ahead, steps[std::min(i + 1, steps.size() - 1)].timestep)) / 2;
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
    x = ddim_step(x, combined, steps[i], options);
    past.push_back(eps);
    if (past.size() > 3) past.erase(past.begin());
  }
  return x;
}

}  // namespace assay
