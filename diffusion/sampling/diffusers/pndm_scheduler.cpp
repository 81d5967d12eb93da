#include "diffusion/sampling/diffusers/pndm_scheduler.h"

#include <ATen/TensorOperators.h>
#include <fmt/format.h>

#include <cmath>

#include "core/error.h"

namespace assay {
namespace {

constexpr std::size_t order = 4;

}  // namespace

PndmScheduler::PndmScheduler(NoiseSchedule schedule, PndmOptions options)
    : Scheduler(std::move(schedule)), options_(options) {
  if (options_.prediction == Prediction::sample)
    throw InputError("PNDM: prediction_type 'sample'; accepted: epsilon, v_prediction");
}

void PndmScheduler::plan(std::int64_t count) {
  stride_ = training_steps() / count;
  const auto times = spaced_timesteps(options_.spacing, training_steps(), count, options_.steps_offset);
  const std::size_t n = times.size();
  timesteps_.clear();
  runge_kutta_calls_ = 0;
  history_.clear();
  kept_x_ = sum_ = at::Tensor();
  if (options_.skip_prk_steps) {
    for (std::size_t i = n; i-- > 0;) {
      timesteps_.push_back(static_cast<double>(times[i]));
      if (n > 1 && i == n - 2) timesteps_.push_back(static_cast<double>(times[i]));
    }
    return;
  }
  if (n < order)
    throw InputError(fmt::format("PNDM: {} steps; with skip_prk_steps false accepted: at least {}", count, order));
  // Each of three Runge-Kutta steps calls the network at its start, twice half a stride on, and at its end.
  for (std::size_t k = n; k-- > n - order + 1;) {
    timesteps_.push_back(static_cast<double>(times[k]));
    for (int twice = 0; twice < 2; ++twice) timesteps_.push_back(static_cast<double>(times[k - 1] + stride_ / 2));
    timesteps_.push_back(static_cast<double>(times[k - 1]));
  }
  runge_kutta_calls_ = timesteps_.size();
  for (std::size_t i = n - order + 1; i-- > 0;) timesteps_.push_back(static_cast<double>(times[i]));
}

at::Tensor PndmScheduler::advance(const at::Tensor& output, const at::Tensor& x, const at::Tensor& /*noise*/) {
  return index_ < runge_kutta_calls_ ? runge_kutta(output, x) : multistep(output, x);
}

at::Tensor PndmScheduler::runge_kutta(const at::Tensor& output, const at::Tensor& x) {
  const std::size_t stage = index_ % 4;
  const auto from = static_cast<std::int64_t>(timesteps_[index_ - stage]);
  const auto to = static_cast<std::int64_t>(timesteps_[index_]) - (stage % 2 == 0 ? stride_ / 2 : 0);
  at::Tensor slope = output;
  if (stage == 0) {
    history_.push_back(output);
    kept_x_ = x;
    sum_ = output / 6;
  } else if (stage < 3) {
    sum_ = sum_ + output / 3;
  } else {
    slope = sum_ + output / 6;
  }
  return transfer(kept_x_, slope, from, to);
}

at::Tensor PndmScheduler::multistep(const at::Tensor& output, const at::Tensor& x) {
  auto from = static_cast<std::int64_t>(timesteps_[index_]);
  auto to = from - stride_;
  if (options_.skip_prk_steps && index_ == 1) {
    // The second call repeats the first step from the same x with the mean of both predictions.
    to = from;
    from += stride_;
    return transfer(kept_x_, (output + history_.back()) / 2, from, to);
  }
  if (history_.size() == order) history_.erase(history_.begin());
  history_.push_back(output);
  const auto past = [&](std::size_t back) { return history_[history_.size() - 1 - back]; };
  switch (history_.size()) {
    case 1:
      kept_x_ = x;
      return transfer(x, output, from, to);
    case 2:
      return transfer(x, (3 * past(0) - past(1)) / 2, from, to);
    case 3:
      return transfer(x, (23 * past(0) - 16 * past(1) + 5 * past(2)) / 12, from, to);
    default:
      return transfer(x, (55 * past(0) - 59 * past(1) + 37 * past(2) - 9 * past(3)) / 24, from, to);
  }
}

at::Tensor PndmScheduler::transfer(const at::Tensor& x, const at::Tensor& output, std::int64_t from,
                                   std::int64_t to) const {
  const double a = alpha_bar(from);
  const double b = to >= 0 ? alpha_bar(to) : options_.set_alpha_to_one ? 1.0 : alpha_bar(0);
  const at::Tensor eps =
      options_.prediction == Prediction::v_prediction ? std::sqrt(a) * output + std::sqrt(1 - a) * x : output;
  // Equation 11 of the paper.
  return std::sqrt(b / a) * x - (b - a) / (a * std::sqrt(1 - b) + std::sqrt(a * (1 - a) * b)) * eps;
}

}  // namespace assay
