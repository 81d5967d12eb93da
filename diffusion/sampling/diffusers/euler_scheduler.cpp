#include "diffusion/sampling/diffusers/euler_scheduler.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linspace.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace assay {
namespace {

double rounded(double number) { return static_cast<double>(static_cast<float>(number)); }

}  // namespace

EulerScheduler::EulerScheduler(NoiseSchedule schedule, EulerOptions options)
    : Scheduler(std::move(schedule)), options_(options) {
  for (const auto& end : {options_.sigma_min, options_.sigma_max})
    if (end && !(*end > 0))
      throw InputError(fmt::format("Euler: sigma_min or sigma_max is {}; accepted: above 0", *end));
  // sigma is infinite at alpha_bar 0; diffusers puts this in the place of it.
  if (schedule_.alpha_bar.back() == 0) schedule_.alpha_bar.back() = 0x1p-24;
  table_ = sigma_table(schedule_);
  sigmas_.assign(table_.rbegin(), table_.rend());
  sigmas_.push_back(0.0);
}

void EulerScheduler::plan(std::int64_t count) {
  std::vector<double> times;
  times.reserve(static_cast<std::size_t>(count));
  if (options_.spacing == Spacing::linspace) {
    for (const double t : even_numbers(static_cast<double>(training_steps() - 1), count)) times.push_back(rounded(t));
  } else {
    for (const std::int64_t t : spaced_timesteps(options_.spacing, training_steps(), count, options_.steps_offset))
      times.push_back(static_cast<double>(t));
  }
  timesteps_.assign(times.rbegin(), times.rend());

  sigmas_.clear();
  if (options_.log_linear) {
    // One number more than steps, as in diffusers: the chain stops before the table's smallest.
    const auto log_of = [](double s) { return static_cast<double>(std::log(static_cast<float>(s))); };
    const at::Tensor ladder = at::linspace(log_of(table_.back()), log_of(table_.front()), count + 1, at::kFloat).exp();
    for (std::int64_t i = 0; i <= count; ++i) sigmas_.push_back(static_cast<double>(ladder.const_data_ptr<float>()[i]));
  } else {
    for (const double t : timesteps_) sigmas_.push_back(sigma_at(table_, t));
  }
  if (options_.sigmas != SigmaSpacing::table) {
    sigmas_ = place_sigmas(options_.sigmas, options_.sigma_max.value_or(sigmas_.front()),
                           options_.sigma_min.value_or(sigmas_.back()), count);
    timesteps_.clear();
    for (const double sigma : sigmas_) timesteps_.push_back(rounded(timestep_of_sigma(table_, sigma)));
  }
  sigmas_.push_back(options_.final_sigma == FinalSigma::zero ? 0.0 : table_.front());
  for (double& sigma : sigmas_) sigma = rounded(sigma);
  if (options_.continuous_timesteps && options_.prediction == Prediction::v_prediction)
    for (std::size_t i = 0; i < timesteps_.size(); ++i) timesteps_[i] = rounded(0.25 * std::log(sigmas_[i]));
}

double EulerScheduler::init_noise_sigma() const {
  const double largest = *std::max_element(sigmas_.begin(), sigmas_.end());
  return options_.spacing == Spacing::leading ? std::sqrt(largest * largest + 1) : largest;
}

at::Tensor EulerScheduler::scale_model_input(const at::Tensor& x) const {
  const double sigma = sigmas_.at(index_);
  return x / std::sqrt(sigma * sigma + 1);
}

at::Tensor EulerScheduler::advance(const at::Tensor& output, const at::Tensor& x, const at::Tensor& /*noise*/) {
  const double sigma = sigmas_[index_], square = sigma * sigma + 1;
  at::Tensor slope = output;
  if (options_.prediction == Prediction::sample) slope = (x - output) / sigma;
  if (options_.prediction == Prediction::v_prediction)
    slope = (x - (x / square - sigma / std::sqrt(square) * output)) / sigma;
  return x + (sigmas_[index_ + 1] - sigma) * slope;
}

at::Tensor EulerScheduler::add_noise(const at::Tensor& x0, const at::Tensor& noise, const at::Tensor& t) const {
  const at::Tensor times = t.to(at::kCPU).to(at::kDouble).contiguous();
  at::Tensor sigma = at::empty({times.numel()}, at::kDouble);
  for (std::int64_t i = 0; i < times.numel(); ++i) {
    const double wanted = times.const_data_ptr<double>()[i];
    // Placed time steps are logarithms that another library rounds otherwise.
    const auto is_wanted = [&](double step) { return std::abs(step - wanted) <= 1e-3; };
    auto found = std::find_if(timesteps_.begin(), timesteps_.end(), is_wanted);
    if (found == timesteps_.end())
      throw InputError(fmt::format("Euler: {} is not one of the chain's time steps", wanted));
    if (const auto again = std::find_if(found + 1, timesteps_.end(), is_wanted); again != timesteps_.end())
      found = again;
    sigma.mutable_data_ptr<double>()[i] = sigmas_[static_cast<std::size_t>(found - timesteps_.begin())];
  }
  return x0 + sigma.view({-1, 1, 1, 1}).to(x0.options()) * noise;
}

}  // namespace assay
