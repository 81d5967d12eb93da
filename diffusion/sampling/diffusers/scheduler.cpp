#include "diffusion/sampling/diffusers/scheduler.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace assay {

Scheduler::Scheduler(NoiseSchedule schedule) : schedule_(std::move(schedule)) {
  for (std::int64_t t = training_steps(); t-- > 0;) timesteps_.push_back(static_cast<double>(t));
}

void Scheduler::set_timesteps(std::int64_t count) {
  if (count < 1 || count > training_steps())
    throw InputError(fmt::format("sampler: {} steps; accepted: 1 to {}", count, training_steps()));
  plan(count);
  for (const double t : timesteps_)
    if (whole_timesteps() && !(t >= 0 && t <= static_cast<double>(training_steps() - 1)))
      throw InputError(
          fmt::format("sampler: {} steps need time step {}, outside 0 to {}; accepted: fewer steps, "
                      "another timestep_spacing or steps_offset",
                      count, t, training_steps() - 1));
  index_ = 0;
}

at::Tensor Scheduler::step(const at::Tensor& output, const at::Tensor& x, const at::Tensor& noise) {
  require_a_step_left();
  if (needs_noise() && !noise.defined()) throw Error("sampler: this configuration needs noise at every step");
  at::Tensor next = advance(output, x, noise);
  ++index_;
  return next;
}

void Scheduler::require_a_step_left() const {
  if (index_ >= timesteps_.size())
    throw Error(fmt::format("sampler: all {} steps are taken; set_timesteps begins again", timesteps_.size()));
}

double Scheduler::current_alpha_bar() const {
  require_a_step_left();
  if (sigmas_.empty()) return alpha_bar(static_cast<std::int64_t>(timesteps_[index_]));
  return 1 / (sigmas_[index_] * sigmas_[index_] + 1);
}

double Scheduler::alpha_bar(std::int64_t t) const {
  if (t < 0 || t >= training_steps())
    throw InputError(fmt::format("sampler: time step {} is outside 0 to {}", t, training_steps() - 1));
  return schedule_.alpha_bar[static_cast<std::size_t>(t)];
}

at::Tensor Scheduler::add_noise(const at::Tensor& x0, const at::Tensor& noise, const at::Tensor& t) const {
  const at::Tensor times = t.to(at::kCPU).to(at::kLong).contiguous();
  at::Tensor a = at::empty({times.numel()}, at::kDouble);
  for (std::int64_t i = 0; i < times.numel(); ++i)
    a.mutable_data_ptr<double>()[i] = alpha_bar(times.const_data_ptr<std::int64_t>()[i]);
  a = a.view({-1, 1, 1, 1});
  return a.sqrt().to(x0.options()) * x0 + (1 - a).sqrt().to(x0.options()) * noise;
}

std::vector<double> even_numbers(double last, std::int64_t count) {
  std::vector<double> numbers(static_cast<std::size_t>(count), 0.0);
  const double stride = count > 1 ? last / static_cast<double>(count - 1) : 0.0;
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<double>(i) * stride;
  if (count > 1) numbers.back() = last;
  return numbers;
}

std::vector<std::int64_t> trailing_timesteps(std::int64_t first, double stride) {
  const auto start = static_cast<double>(first);
  const double delta = (start - stride) - start;
  const auto length = static_cast<std::int64_t>(std::ceil(-start / -stride));
  std::vector<std::int64_t> times;
  for (std::int64_t i = 0; i < length; ++i) {
    const auto t = static_cast<std::int64_t>(std::nearbyint(start + static_cast<double>(i) * delta)) - 1;
    if (t >= 0) times.push_back(t);
  }
  return times;
}

std::vector<std::int64_t> spaced_timesteps(Spacing spacing, std::int64_t training_steps, std::int64_t count,
                                           std::int64_t offset) {
  std::vector<std::int64_t> times;
  times.reserve(static_cast<std::size_t>(count));
  switch (spacing) {
    case Spacing::leading:
      for (std::int64_t i = 0; i < count; ++i) times.push_back(i * (training_steps / count) + offset);
      break;
    case Spacing::trailing:
      times = trailing_timesteps(training_steps, static_cast<double>(training_steps) / static_cast<double>(count));
      std::reverse(times.begin(), times.end());
      break;
    case Spacing::linspace:
      for (const double t : even_numbers(static_cast<double>(training_steps - 1), count))
        times.push_back(static_cast<std::int64_t>(std::nearbyint(t)));
      break;
  }
  return times;
}

}  // namespace assay
