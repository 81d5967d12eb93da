#include "diffusion/sampling/diffusers/ddim_scheduler.h"

#include <ATen/TensorOperators.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "diffusion/process/dynamic_threshold.h"

namespace assay {
namespace {

void check_clip(const std::optional<double>& clip) {
  if (clip && !(*clip > 0)) throw InputError(fmt::format("clip_sample_range is {}; accepted: above 0", *clip));
}

}  // namespace

DdimScheduler::DdimScheduler(NoiseSchedule schedule, DdimSchedulerOptions options)
    : Scheduler(std::move(schedule)), options_(options) {
  check_clip(options_.clip);
  if (!(options_.eta >= 0 && options_.eta <= 1))
    throw InputError(fmt::format("DDIM: eta {}; accepted: 0 to 1", options_.eta));
}

void DdimScheduler::plan(std::int64_t count) {
  stride_ = training_steps() / count;
  const auto times = spaced_timesteps(options_.spacing, training_steps(), count, options_.steps_offset);
  timesteps_.assign(times.rbegin(), times.rend());
}

at::Tensor DdimScheduler::advance(const at::Tensor& output, const at::Tensor& x, const at::Tensor& noise) {
  const auto t = static_cast<std::int64_t>(timesteps_[index_]);
  const double a = alpha_bar(t);
  const double previous = t >= stride_ ? alpha_bar(t - stride_) : options_.set_alpha_to_one ? 1.0 : alpha_bar(0);
  const double root = std::sqrt(a), rest = std::sqrt(1 - a);
  Predicted p = split(options_.prediction, output, x, root, rest);
  if (options_.thresholding)
    p.x0 = dynamic_threshold(p.x0, options_.thresholding->ratio, options_.thresholding->max_value);
  else if (options_.clip)
    p.x0 = p.x0.clamp(-*options_.clip, *options_.clip);
  if (options_.use_clipped_model_output) p.eps = (x - root * p.x0) / rest;

  // An eta of 0 leaves out a variance that is 0 / 0 where the table begins with alpha_bar 1.
  const double variance =
      options_.eta > 0 ? options_.eta * options_.eta * (1 - previous) / (1 - a) * (1 - a / previous) : 0.0;
  at::Tensor next = std::sqrt(previous) * p.x0 + std::sqrt(std::max(0.0, 1 - previous - variance)) * p.eps;
  return variance > 0 ? next + std::sqrt(variance) * noise : next;
}

DdimInverseScheduler::DdimInverseScheduler(NoiseSchedule schedule, DdimInverseOptions options)
    : Scheduler(std::move(schedule)), options_(options) {
  check_clip(options_.clip);
  if (options_.spacing == Spacing::linspace)
    throw InputError("DDIM inverse: timestep_spacing 'linspace'; accepted: leading, trailing");
  std::reverse(timesteps_.begin(), timesteps_.end());
}

void DdimInverseScheduler::plan(std::int64_t count) {
  stride_ = training_steps() / count;
  const auto times = spaced_timesteps(options_.spacing, training_steps(), count, options_.steps_offset);
  timesteps_.assign(times.begin(), times.end());
}

at::Tensor DdimInverseScheduler::advance(const at::Tensor& output, const at::Tensor& x, const at::Tensor& /*noise*/) {
  const auto target = static_cast<std::int64_t>(timesteps_[index_]);
  const double a = target >= stride_ ? alpha_bar(target - stride_) : options_.set_alpha_to_one ? 1.0 : alpha_bar(0);
  const double next = alpha_bar(target);
  Predicted p = split(options_.prediction, output, x, std::sqrt(a), std::sqrt(1 - a));
  if (options_.clip) p.x0 = p.x0.clamp(-*options_.clip, *options_.clip);
  return std::sqrt(next) * p.x0 + std::sqrt(1 - next) * p.eps;
}

}  // namespace assay
