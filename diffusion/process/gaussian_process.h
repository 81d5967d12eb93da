#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "diffusion/process/noise_schedule.h"

namespace assay {

/// What the first C channels of a network's output are.
enum class MeanType { epsilon, start_x, previous_x };
/// Where the variance of p(x_{t-1} | x_t) comes from.
///   fixed_small    the posterior's
///   fixed_large    beta_t, at t = 0 the posterior's of t = 1
///   learned        the output's second C channels are its logarithm
///   learned_range  they are v: ln variance = (v + 1)/2 ln beta + (1 - (v + 1)/2) ln posterior variance; v is not
///   clamped
enum class VarianceType { fixed_small, fixed_large, learned, learned_range };
/// mse, with the bound added where the variance is learned (the hybrid loss); rescaled_mse weighs that bound by
/// steps/1000; kl is the bound alone, rescaled_kl times steps.
enum class LossType { mse, rescaled_mse, kl, rescaled_kl };

/// Names as the official code spells them, in either case: "epsilon", "LEARNED_RANGE", ... Throw InputError.
MeanType read_mean_type(const std::string& name);
VarianceType read_variance_type(const std::string& name);
LossType read_loss_type(const std::string& name);

struct GaussianProcessOptions {
  MeanType mean = MeanType::epsilon;
  VarianceType variance = VarianceType::fixed_large;
  LossType loss = LossType::mse;
  std::string respacing;           // as space_timesteps() takes it; "" keeps every step
  bool rescale_timesteps = false;  // the network sees t * 1000 / T as a fraction
};

/// The constants of the respaced chain, each [steps], in double.
struct ProcessTables {
  std::vector<double> betas, alphas_cumprod, alphas_cumprod_prev, alphas_cumprod_next;
  std::vector<double> sqrt_alphas_cumprod, sqrt_one_minus_alphas_cumprod, log_one_minus_alphas_cumprod;
  std::vector<double> sqrt_recip_alphas_cumprod, sqrt_recipm1_alphas_cumprod;
  std::vector<double> posterior_variance, posterior_log_variance_clipped;  // the latter takes t = 1 for t = 0
  std::vector<double> posterior_mean_coef1, posterior_mean_coef2;
};

/// Mean and diagonal variance, each of the shape of x.
struct Moments {
  at::Tensor mean, variance, log_variance;
};

/// p(x_{t-1} | x_t) as a network predicts it, and the x_0 behind it.
struct PredictedStep {
  at::Tensor mean, variance, log_variance, x_start;
};

/// guided-diffusion's GaussianDiffusion on a respaced chain (gaussian_diffusion.py, respace.py).
///
/// In all members images are [B, C, H, W] (any rank whose axis 1 is the channels will do), and `t` is [B] int64 on the
/// device of x and indexes the *respaced* chain. Constants are worked out in double and rounded to the type of x, so
/// double stays double. The caller evaluates the network, at model_timesteps(t).
class GaussianProcess {
 public:
  /// Throws InputError for a respacing that does not fit the schedule and for a chain of fewer than two steps.
  GaussianProcess(const NoiseSchedule& schedule, const GaussianProcessOptions& options);

  std::int64_t steps() const { return static_cast<std::int64_t>(map_.size()); }
  const GaussianProcessOptions& options() const { return options_; }
  const ProcessTables& tables() const { return tables_; }
  /// The original step of each step of the chain.
  const std::vector<std::int64_t>& timestep_map() const { return map_; }
  bool learned_variance() const {
    return options_.variance == VarianceType::learned || options_.variance == VarianceType::learned_range;
  }

  /// What a network (or classifier) gets for t: the original step, int64, or float32 where timesteps are rescaled.
  at::Tensor model_timesteps(const at::Tensor& t) const;

  /// q(x_t | x_0).
  Moments q_mean_variance(const at::Tensor& x_start, const at::Tensor& t) const;
  at::Tensor q_sample(const at::Tensor& x_start, const at::Tensor& t, const at::Tensor& noise) const;
  /// q(x_{t-1} | x_t, x_0), its logarithm clipped at t = 0.
  Moments q_posterior(const at::Tensor& x_start, const at::Tensor& x, const at::Tensor& t) const;

  using DenoisedFunction = std::function<at::Tensor(const at::Tensor&)>;
  /// p(x_{t-1} | x_t) from the network's output, [B, 2C, H, W] where the variance is learned. The predicted x_0 goes
  /// through `denoised` where given, then into [-1, 1] where `clip`. Throws Error for an output of another shape.
  PredictedStep p_mean_variance(const at::Tensor& output, const at::Tensor& x, const at::Tensor& t, bool clip,
                                const DenoisedFunction& denoised = {}) const;

  at::Tensor predict_start_from_noise(const at::Tensor& x, const at::Tensor& t, const at::Tensor& eps) const;
  at::Tensor predict_noise_from_start(const at::Tensor& x, const at::Tensor& t, const at::Tensor& x_start) const;

  /// Guidance of an ancestral step: mean + variance * gradient, the rest unchanged. `gradient` is that of log p(y | x).
  PredictedStep condition_mean(const PredictedStep& p, const at::Tensor& gradient) const;
  /// Guidance of a DDIM step: eps - sqrt(1 - alpha_bar) * gradient, then x_0 (not clipped again) and mean from it.
  PredictedStep condition_score(const PredictedStep& p, const at::Tensor& x, const at::Tensor& t,
                                const at::Tensor& gradient) const;

  /// mean + exp(log variance / 2) * noise, without noise at t = 0.
  at::Tensor p_sample(const PredictedStep& p, const at::Tensor& t, const at::Tensor& noise) const;
  /// One DDIM step (arXiv:2010.02502, eq. 12) from the (clipped) x_0, eps derived from it; `noise` is read where
  /// eta > 0.
  at::Tensor ddim_sample(const PredictedStep& p, const at::Tensor& x, const at::Tensor& t, double eta,
                         const at::Tensor& noise) const;
  /// One step of the reverse ODE: t to t + 1.
  at::Tensor ddim_reverse_sample(const PredictedStep& p, const at::Tensor& x, const at::Tensor& t) const;

  /// Deviation of the noise of the DDIM step at `index` of the chain.
  double ddim_sigma(std::int64_t index, double eta) const;

 private:
  at::Tensor at_step(const std::vector<double>& table, const at::Tensor& t, const at::Tensor& x) const;

  GaussianProcessOptions options_;
  std::int64_t original_steps_;
  std::vector<std::int64_t> map_;
  ProcessTables tables_;
  std::vector<double> fixed_large_;  // variances
};

}  // namespace assay
