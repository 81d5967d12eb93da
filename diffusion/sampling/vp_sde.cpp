#include "diffusion/sampling/vp_sde.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/full.h>
#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "core/error.h"
#include "core/interrupt.h"

namespace assay {

double VpSde::alpha_bar(double t) const { return std::exp(-(beta_0 * t + (beta_1 - beta_0) * t * t / 2)); }

std::vector<float> euler_maruyama_times(std::int64_t steps, double earliest) {
  if (steps < 2) throw InputError(fmt::format("{} steps of the reverse diffusion; accepted: 2 and more", steps));
  if (!(earliest > 0 && earliest < 1))
    throw InputError(fmt::format("earliest time {} of the reverse diffusion; accepted: between 0 and 1", earliest));
  std::vector<float> times = {0.0F};
  const double between = (1 - earliest) / static_cast<double>(steps - 1);
  for (std::int64_t i = 0; i + 1 < steps; ++i)
    times.push_back(static_cast<float>(earliest + static_cast<double>(i) * between));
  times.push_back(1.0F);
  return times;
}

at::Tensor euler_maruyama(const VpSde& sde, const ContinuousEps& eps, at::Tensor x, const std::vector<float>& times,
                          const StepNoise& noise, const StepObserver& observer) {
  const auto steps = static_cast<std::int64_t>(times.size()) - 1;
  for (std::int64_t i = 0; i < steps; ++i) {
    stop_if_interrupted();
    const auto at_step = static_cast<std::size_t>(steps - i);
    const double t = times[at_step], h = t - static_cast<double>(times[at_step - 1]);
    const double change = h * sde.beta(t);
    const at::Tensor predicted = eps(x, at::full({x.size(0)}, t, x.options()));
    x = (1 + change / 2) * x - change / std::sqrt(1 - sde.alpha_bar(t)) * predicted;
    if (i + 1 < steps) x = x + std::sqrt(change) * noise_of_step(noise, i, "Euler-Maruyama");
    if (observer) observer(i, x);
  }
  return x;
}

at::Tensor EulerMaruyamaSampler::sample(const Denoiser& denoiser, Guidance& guidance, at::Tensor x,
                                        const StepNoise& noise, const StepObserver& observer) const {
  const at::NoGradGuard no_grad;
  const VpSde sde;
  const auto eps = [&](const at::Tensor& noisy, const at::Tensor& t) {
    const double alpha_bar = sde.alpha_bar(t.select(0, 0).item<double>());
    return guided_eps(guidance, denoiser, {noisy, 999 * t, alpha_bar}).mixed();
  };
  return euler_maruyama(sde, eps, std::move(x), times_, noise, observer);
}

}  // namespace assay
