#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "diffusion/sampling/diffusers/dpm_scheduler.h"
#include "diffusion/sampling/diffusers/scheduler.h"
#include "diffusion/sampling/diffusers/sigma_ladder.h"

namespace assay {

/// Arguments of diffusers' EulerDiscreteScheduler.
struct EulerOptions {
  Prediction prediction = Prediction::epsilon;
  bool log_linear = false;  // interpolation_type: sigmas evenly in log over the whole table instead of linear in t
  SigmaSpacing sigmas = SigmaSpacing::table;
  std::optional<double> sigma_min, sigma_max;  // ends of placed sigmas; default: the chain's own
  Spacing spacing = Spacing::linspace;         // linspace: fractional time steps
  bool continuous_timesteps = false;           // timestep_type: with v_prediction the network is given log(sigma) / 4
  std::int64_t steps_offset = 0;
  FinalSigma final_sigma = FinalSigma::zero;
};

/// Euler's method on dx / dsigma = eps (Karras et al., arXiv:2206.00364, algorithm 2 without churn). x is x0 + sigma
/// eps; the network sees x / sqrt(sigma^2 + 1).
class EulerScheduler : public Scheduler {
 public:
  /// Throws InputError for sigma_min or sigma_max out of range.
  EulerScheduler(NoiseSchedule schedule, EulerOptions options);
  bool whole_timesteps() const override { return false; }
  /// The largest sigma; with leading spacing sqrt(sigma^2 + 1).
  double init_noise_sigma() const override;
  at::Tensor scale_model_input(const at::Tensor& x) const override;
  /// Throws InputError for a time step that is not one of the chain's.
  at::Tensor add_noise(const at::Tensor& x0, const at::Tensor& noise, const at::Tensor& t) const override;
  Prediction prediction() const override { return options_.prediction; }

 private:
  void plan(std::int64_t count) override;
  at::Tensor advance(const at::Tensor& output, const at::Tensor& x, const at::Tensor& noise) override;

  EulerOptions options_;
  std::vector<double> table_;
};

}  // namespace assay
