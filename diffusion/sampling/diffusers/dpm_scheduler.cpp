#include "diffusion/sampling/diffusers/dpm_scheduler.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "diffusion/process/dynamic_threshold.h"

namespace assay {
namespace {

/// A noise level: x = alpha x0 + sigma eps.
struct Level {
  double alpha, sigma, lambda;
};

Level level_of(double ratio) {
  const double alpha = 1 / std::sqrt(ratio * ratio + 1), sigma = ratio * alpha;
  return {alpha, sigma, std::log(alpha) - std::log(sigma)};
}

bool predicts_x0(DpmAlgorithm algorithm) {
  return algorithm == DpmAlgorithm::dpmsolver_pp || algorithm == DpmAlgorithm::sde_dpmsolver_pp;
}

/// What one step multiplies x, the converted output, its first and second difference quotient and the noise with.
struct Factors {
  double x, d0, d1, d2, noise;
};

/// From level s to level t; `higher` chooses the first difference's factor of Heun's type and of order 3.
Factors factors(DpmAlgorithm algorithm, const Level& s, const Level& t, bool higher) {
  const double h = t.lambda - s.lambda;
  switch (algorithm) {
    case DpmAlgorithm::dpmsolver_pp: {
      const double e = std::expm1(-h), first = higher ? t.alpha * (e / h + 1) : -0.5 * t.alpha * e;
      return {t.sigma / s.sigma, -t.alpha * e, first, -t.alpha * ((e + h) / (h * h) - 0.5), 0.0};
    }
    case DpmAlgorithm::dpmsolver: {
      const double e = std::expm1(h), first = higher ? -t.sigma * (e / h - 1) : -0.5 * t.sigma * e;
      return {t.alpha / s.alpha, -t.sigma * e, first, -t.sigma * ((e - h) / (h * h) - 0.5), 0.0};
    }
    case DpmAlgorithm::sde_dpmsolver_pp: {
      const double e = -std::expm1(-2 * h), first = higher ? t.alpha * (1 - e / (2 * h)) : 0.5 * t.alpha * e;
      return {t.sigma / s.sigma * std::exp(-h), t.alpha * e, first, t.alpha * ((e - 2 * h) / (4 * h * h) - 0.5),
              t.sigma * std::sqrt(e)};
    }
    case DpmAlgorithm::sde_dpmsolver: {
      const double e = std::expm1(h), first = higher ? -2 * t.sigma * (e / h - 1) : -t.sigma * e;
      return {t.alpha / s.alpha, -2 * t.sigma * e, first, 0.0, t.sigma * std::sqrt(std::expm1(2 * h))};
    }
  }
  throw Error("unreachable");
}

}  // namespace

DpmScheduler::DpmScheduler(NoiseSchedule schedule, DpmOptions options)
    : Scheduler(std::move(schedule)), options_(options) {
  const std::int64_t highest = options_.algorithm == DpmAlgorithm::sde_dpmsolver ? 2 : 3;
  if (options_.order < 1 || options_.order > highest)
    throw InputError(fmt::format("DPM-Solver: solver_order {}; accepted with this algorithm_type: 1 to {}",
                                 options_.order, highest));
  if (options_.final_sigma == FinalSigma::zero && !predicts_x0(options_.algorithm))
    throw InputError(
        "DPM-Solver: final_sigmas_type 'zero' needs algorithm_type dpmsolver++ or sde-dpmsolver++; accepted: "
        "sigma_min");
  // log-SNR is infinite at alpha_bar 0; diffusers puts this in the place of it.
  if (schedule_.alpha_bar.back() == 0) schedule_.alpha_bar.back() = 0x1p-24;
  sigmas_ = table_ = sigma_table(schedule_);
}

bool DpmScheduler::needs_noise() const {
  return options_.algorithm == DpmAlgorithm::sde_dpmsolver || options_.algorithm == DpmAlgorithm::sde_dpmsolver_pp;
}

void DpmScheduler::plan(std::int64_t count) {
  const std::int64_t clipped = std::count_if(
      table_.begin(), table_.end(), [&](double sigma) { return level_of(sigma).lambda < options_.lambda_min_clipped; });
  const std::int64_t last = training_steps() - clipped;
  if (last < 1) throw InputError("DPM-Solver: lambda_min_clipped leaves no time step; accepted: less");

  timesteps_.clear();
  sigmas_.clear();
  if (options_.sigmas != SigmaSpacing::table) {
    const bool whole = options_.sigmas != SigmaSpacing::exponential && schedule_.name != "squaredcos_cap_v2";
    sigmas_ = place_sigmas(options_.sigmas, table_.back(), table_.front(), count);
    for (const double sigma : sigmas_) {
      const double t = timestep_of_sigma(table_, sigma);
      timesteps_.push_back(whole ? std::nearbyint(t) : std::trunc(t));
    }
  } else {
    if (options_.spacing == Spacing::trailing) {
      for (const std::int64_t t :
           trailing_timesteps(last, static_cast<double>(training_steps()) / static_cast<double>(count)))
        timesteps_.push_back(static_cast<double>(t));
    } else {
      const bool leading = options_.spacing == Spacing::leading;
      const auto times = leading ? spaced_timesteps(Spacing::leading, last, count + 1, options_.steps_offset)
                                 : spaced_timesteps(Spacing::linspace, last, count + 1, 0);
      for (std::size_t i = times.size(); i-- > 1;) timesteps_.push_back(static_cast<double>(times[i]));
    }
    for (const double t : timesteps_) sigmas_.push_back(sigma_at(table_, t));
  }
  sigmas_.push_back(options_.final_sigma == FinalSigma::zero ? 0.0 : table_.front());
  for (double& sigma : sigmas_) sigma = static_cast<double>(static_cast<float>(sigma));
  history_.clear();
}

at::Tensor DpmScheduler::converted(const at::Tensor& output, const at::Tensor& x) const {
  const Level level = level_of(sigmas_[index_]);
  const bool cut = options_.learned_variance && options_.prediction == Prediction::epsilon;
  Predicted p = split(options_.prediction, cut ? output.narrow(1, 0, 3) : output, x, level.alpha, level.sigma);
  if (options_.thresholding) {
    p.x0 = dynamic_threshold(p.x0, options_.thresholding->ratio, options_.thresholding->max_value);
    p.eps = (x - level.alpha * p.x0) / level.sigma;
  }
  return predicts_x0(options_.algorithm) ? p.x0 : p.eps;
}

at::Tensor DpmScheduler::advance(const at::Tensor& output, const at::Tensor& x, const at::Tensor& noise) {
  const std::size_t steps = timesteps_.size();
  const bool few = options_.lower_order_final && steps < 15;
  std::int64_t order = std::min(options_.order, static_cast<std::int64_t>(history_.size()) + 1);
  if (index_ + 2 == steps && few) order = std::min<std::int64_t>(order, 2);
  if (index_ + 1 == steps && (few || options_.euler_at_final || options_.final_sigma == FinalSigma::zero)) order = 1;

  const Level s = level_of(sigmas_[index_]), t = level_of(sigmas_[index_ + 1]);
  // Placed sigmas end where sigma_min does: a step of no length, over which nothing is to be extrapolated.
  if (t.lambda == s.lambda) order = 1;

  if (static_cast<std::int64_t>(history_.size()) == options_.order) history_.erase(history_.begin());
  history_.push_back(converted(output, x));
  const auto past = [&](std::size_t back) { return history_[history_.size() - 1 - back]; };

  const Factors f = factors(options_.algorithm, s, t, order == 3 || options_.type == DpmSolverType::heun);
  at::Tensor next = f.x * x + f.d0 * past(0);
  if (order > 1) {
    const double h = t.lambda - s.lambda, r0 = (s.lambda - level_of(sigmas_[index_ - 1]).lambda) / h;
    at::Tensor first = (past(0) - past(1)) / r0;
    if (order == 3) {
      const double r1 = (level_of(sigmas_[index_ - 1]).lambda - level_of(sigmas_[index_ - 2]).lambda) / h;
      const at::Tensor change = first - (past(1) - past(2)) / r1;
      first = first + r0 / (r0 + r1) * change;
      next = next + f.d2 / (r0 + r1) * change;
    }
    next = next + f.d1 * first;
  }
  return needs_noise() ? next + f.noise * noise : next;
}

at::Tensor DpmScheduler::add_noise(const at::Tensor& x0, const at::Tensor& noise, const at::Tensor& t) const {
  const at::Tensor times = t.to(at::kCPU).to(at::kDouble).contiguous();
  at::Tensor ratio = at::empty({times.numel()}, at::kDouble);
  for (std::int64_t i = 0; i < times.numel(); ++i) {
    auto found = std::find(timesteps_.begin(), timesteps_.end(), times.const_data_ptr<double>()[i]);
    if (found == timesteps_.end()) {
      --found;
    } else if (const auto again = std::find(found + 1, timesteps_.end(), *found); again != timesteps_.end()) {
      found = again;
    }
    ratio.mutable_data_ptr<double>()[i] = sigmas_[static_cast<std::size_t>(found - timesteps_.begin())];
  }
  ratio = ratio.view({-1, 1, 1, 1});
  const at::Tensor alpha = 1 / (ratio.square() + 1).sqrt();
  return alpha.to(x0.options()) * x0 + (ratio * alpha).to(x0.options()) * noise;
}

}  // namespace assay
