#include "reproductions/maskdm/algorithm/process.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linspace.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "core/error.h"

namespace assay::maskdm {

namespace {

/// The cosine schedule of `steps` steps with its signal-to-noise ratio times (64 / side)^2.
NoiseSchedule shifted_cosine(std::int64_t steps, std::int64_t side) {
  const double factor = 64.0 / static_cast<double>(side) * (64.0 / static_cast<double>(side));
  const auto alpha_bar = [&](std::int64_t t) {
    const double c =
        std::cos((static_cast<double>(t) / static_cast<double>(steps) + 0.008) / 1.008 * std::numbers::pi / 2);
    const double ratio = factor * c * c / (1 - c * c);
    return ratio / (1 + ratio);
  };
  NoiseSchedule schedule{"cosine", {}, {}};
  double product = 1.0;
  for (std::int64_t t = 0; t < steps; ++t) {
    schedule.beta.push_back(std::clamp(1 - alpha_bar(t + 1) / alpha_bar(t), 0.0, 0.999));
    schedule.alpha_bar.push_back(product *= 1 - schedule.beta.back());
  }
  return schedule;
}

}  // namespace

Process::Process(const std::string& schedule, std::int64_t steps, std::int64_t shift)
    : schedule_(make_noise_schedule(schedule, steps)) {
  if (shift != 0) {
    if (schedule != "cosine" || shift < 1)
      throw InputError(fmt::format(
          "shift of the schedule '{}' to {} pixels; accepted: of 'cosine', to at least 1 pixel", schedule, shift));
    schedule_ = shifted_cosine(steps, shift);
  }
  for (const double alpha_bar : schedule_.alpha_bar) {
    signal_.push_back(std::sqrt(alpha_bar));
    noise_.push_back(std::sqrt(1 - alpha_bar));
  }
}

std::vector<double> Process::posterior_variance() const {
  std::vector<double> variance;
  for (std::size_t t = 0; t < schedule_.beta.size(); ++t) {
    const double before = t == 0 ? 1.0 : schedule_.alpha_bar[t - 1];
    variance.push_back(schedule_.beta[t] * (1 - before) / (1 - schedule_.alpha_bar[t]));
  }
  return variance;
}

std::vector<double> Process::posterior_log_variance() const {
  std::vector<double> logarithm = posterior_variance();
  for (double& value : logarithm) value = std::log(std::max(value, 1e-20));
  return logarithm;
}

at::Tensor Process::at_step(const std::vector<double>& table, const at::Tensor& t) const {
  const at::Tensor steps = t.to(at::kCPU, at::kLong).contiguous();
  at::Tensor values = at::empty({steps.numel(), 1, 1, 1}, at::kFloat);
  for (std::int64_t i = 0; i < steps.numel(); ++i) {
    const std::int64_t step = steps.const_data_ptr<std::int64_t>()[i];
    if (step < 0 || step >= schedule_.steps())
      throw InputError(fmt::format("time step {}; accepted: 0 to {}", step, schedule_.steps() - 1));
    values.mutable_data_ptr<float>()[i] = static_cast<float>(table[static_cast<std::size_t>(step)]);
  }
  return values.to(t.device());
}

at::Tensor Process::q_sample(const at::Tensor& x_start, const at::Tensor& t, const at::Tensor& noise) const {
  return at_step(signal_, t) * x_start + at_step(noise_, t) * noise;
}

at::Tensor Process::target(Objective objective, const at::Tensor& x_start, const at::Tensor& t,
                           const at::Tensor& noise) const {
  if (objective == Objective::pred_noise) return noise;
  if (objective == Objective::pred_x0) return x_start;
  return at_step(signal_, t) * noise - at_step(noise_, t) * x_start;
}

at::Tensor Process::predicted_noise(Objective objective, const at::Tensor& output, const at::Tensor& x,
                                    const at::Tensor& t,
                                    const std::function<at::Tensor(const at::Tensor&)>& clip) const {
  if (objective == Objective::pred_noise) return output;
  const at::Tensor signal = at_step(signal_, t), noise = at_step(noise_, t);
  return (x - signal * clip(objective == Objective::pred_x0 ? output : signal * x - noise * output)) / noise;
}

std::vector<std::int64_t> Process::ddim_times(std::int64_t sampling_steps) const {
  if (sampling_steps < 1 || sampling_steps > schedule_.steps())
    throw InputError(
        fmt::format("{} sampling steps; accepted: 1 to the {} of the schedule", sampling_steps, schedule_.steps()));
  const at::Tensor line = at::linspace(-1, static_cast<double>(schedule_.steps() - 1), sampling_steps + 1, at::kFloat);
  std::vector<std::int64_t> times;
  for (std::int64_t i = sampling_steps; i >= 0; --i)
    times.push_back(static_cast<std::int64_t>(line.const_data_ptr<float>()[i]));
  return times;
}

DdimSampler Process::ddim_sampler(std::int64_t sampling_steps, double eta,
                                  std::function<at::Tensor(const at::Tensor&)> limit_x0) const {
  const std::vector<std::int64_t> times = ddim_times(sampling_steps);
  std::vector<DdimStep> steps;
  for (std::size_t i = 0; i + 1 < times.size(); ++i) {
    const double alpha = schedule_.alpha_bar[static_cast<std::size_t>(times[i])];
    const double alpha_next = times[i + 1] < 0 ? 1.0 : schedule_.alpha_bar[static_cast<std::size_t>(times[i + 1])];
    const double sigma = eta * std::sqrt((1 - alpha / alpha_next) * (1 - alpha_next) / (1 - alpha));
    steps.push_back({times[i], alpha, alpha_next, sigma});
  }
  return {std::move(steps), {.eta = eta, .limit_x0 = std::move(limit_x0)}};
}

}  // namespace assay::maskdm
