#pragma once
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "diffusion/sampling/diffusers/scheduler.h"
#include "diffusion/sampling/diffusers/sigma_ladder.h"

namespace assay {

enum class DpmAlgorithm { dpmsolver, dpmsolver_pp, sde_dpmsolver, sde_dpmsolver_pp };
enum class DpmSolverType { midpoint, heun };
/// The noise level that the last step goes to: none, or that of time step 0.
enum class FinalSigma { zero, sigma_min };

/// Arguments of diffusers' DPMSolverMultistepScheduler.
struct DpmOptions {
  DpmAlgorithm algorithm = DpmAlgorithm::dpmsolver_pp;
  std::int64_t order = 2;  // 1 to 3; sde_dpmsolver to 2
  DpmSolverType type = DpmSolverType::midpoint;
  Prediction prediction = Prediction::epsilon;
  std::optional<DynamicThreshold> thresholding;
  bool lower_order_final = true;              // with fewer than 15 steps the last two are of order at most 2 and 1
  bool euler_at_final = false;                // the last step is of order 1
  FinalSigma final_sigma = FinalSigma::zero;  // zero: the last step is of order 1
  SigmaSpacing sigmas = SigmaSpacing::table;
  double lambda_min_clipped = -std::numeric_limits<double>::infinity();  // leaves out log-SNR halves below it
  bool learned_variance = false;  // variance_type learned or learned_range: the output's first 3 channels are eps
  Spacing spacing = Spacing::linspace;
  std::int64_t steps_offset = 0;
};

/// DPM-Solver and DPM-Solver++, multistep (Lu et al., arXiv:2206.00927 and 2211.01095), in lambda = log(alpha / sigma).
/// linspace and leading place count + 1 time steps and leave out the smallest. Placed sigmas are mapped to time steps
/// and rounded, or cut with exponential ones and where the schedule is squaredcos_cap_v2. Before set_timesteps,
/// add_noise reads the table from its other end: time step t gets the noise of T - 1 - t; afterwards a time step that
/// is not one of the chain's gets the noise of its last.
class DpmScheduler : public Scheduler {
 public:
  /// Throws InputError for options that diffusers refuses too.
  DpmScheduler(NoiseSchedule schedule, DpmOptions options);
  bool needs_noise() const override;
  at::Tensor add_noise(const at::Tensor& x0, const at::Tensor& noise, const at::Tensor& t) const override;
  Prediction prediction() const override { return options_.prediction; }

 private:
  void plan(std::int64_t count) override;
  at::Tensor advance(const at::Tensor& output, const at::Tensor& x, const at::Tensor& noise) override;
  at::Tensor converted(const at::Tensor& output, const at::Tensor& x) const;

  DpmOptions options_;
  std::vector<double> table_;
  std::vector<at::Tensor> history_;  // converted outputs, newest last, at most `order`
};

}  // namespace assay
