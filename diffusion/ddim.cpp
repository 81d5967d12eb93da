#include "diffusion/ddim.h"

#include <ATen/ops/full.h>
#include <fmt/format.h>

#include <cmath>

#include "core/error.h"
#include "core/nearest.h"
#include "kernels/guided_ddim_step.h"

namespace assay {

DdimVariant read_ddim_variant(const std::string& name) {
  if (name == "sgdm") return DdimVariant::sgdm;
  if (name == "adm") return DdimVariant::adm;
  throw InputError(unknown_name_message("DDIM variant", name, {"sgdm", "adm"}));
}

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
    // guided-diffusion looks for the integer stride that gives exactly `count` steps.
    for (std::int64_t stride = 1; stride < total && times.empty(); ++stride)
      if ((total + stride - 1) / stride == count)
        for (std::int64_t t = 0; t < total; t += stride) times.push_back(t);
    if (times.empty() && count == 1) times.push_back(0);
    if (times.empty()) throw InputError(fmt::format("DDIM: no integer stride takes {} steps of {}", count, total));
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

at::Tensor ddim_sample(const Denoiser& denoiser, const NoiseSchedule& schedule, const DdimOptions& options,
                       at::Tensor x, const Condition& condition, const std::function<at::Tensor(std::int64_t)>& noise) {
  const bool guided = condition.defined() && options.weight != 0.0;
  const bool both = guided && options.weight != 1.0;
  std::int64_t index = 0;
  for (const DdimStep& step : ddim_steps(schedule, options.variant, options.steps, options.eta)) {
    const at::Tensor t = at::full({x.size(0)}, step.timestep, x.options().dtype(at::kLong));
    at::Tensor eps_uncond, eps_cond;
    if (guided) eps_cond = denoiser.predict(x, t, condition);
    if (both || !guided) eps_uncond = denoiser.predict(x, t, {});
    const DdimCoefficients coefficients{step.alpha_bar, step.alpha_bar_previous, step.sigma, options.clip,
                                        options.variant == DdimVariant::adm};
    std::optional<at::Tensor> z;
    if (noise && step.sigma > 0) z = noise(index);
    x = both ? guided_ddim_step(x, eps_uncond, eps_cond, options.weight, coefficients, z)
             : guided_ddim_step(x, guided ? eps_cond : eps_uncond, std::nullopt, 0.0, coefficients, z);
    ++index;
  }
  return x;
}

}  // namespace assay
