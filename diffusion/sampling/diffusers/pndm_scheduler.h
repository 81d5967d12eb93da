#pragma once
#include <cstdint>
#include <vector>

#include "diffusion/sampling/diffusers/scheduler.h"

namespace assay {

/// Arguments of diffusers' PNDMScheduler.
struct PndmOptions {
  bool skip_prk_steps = false;  // start with two calls at the second step instead of three Runge-Kutta steps
  bool set_alpha_to_one = false;
  std::int64_t steps_offset = 0;
  Prediction prediction = Prediction::epsilon;  // epsilon or v_prediction
  Spacing spacing = Spacing::leading;
};

/// Pseudo numerical methods (Liu et al., arXiv:2202.09778): linear multistep of order 4 over past predictions. The
/// network is called count + 1 times with skip_prk_steps (the second time step comes twice) and count + 9 times with
/// the Runge-Kutta start, which needs count >= 4.
class PndmScheduler : public Scheduler {
 public:
  /// Throws InputError for prediction `sample`.
  PndmScheduler(NoiseSchedule schedule, PndmOptions options);
  Prediction prediction() const override { return options_.prediction; }

 private:
  void plan(std::int64_t count) override;
  at::Tensor advance(const at::Tensor& output, const at::Tensor& x, const at::Tensor& noise) override;
  at::Tensor runge_kutta(const at::Tensor& output, const at::Tensor& x);
  at::Tensor multistep(const at::Tensor& output, const at::Tensor& x);
  at::Tensor transfer(const at::Tensor& x, const at::Tensor& output, std::int64_t from, std::int64_t to) const;

  PndmOptions options_;
  std::int64_t stride_ = 1;
  std::size_t runge_kutta_calls_ = 0;
  std::vector<at::Tensor> history_;  // at most four predictions, oldest first
  at::Tensor kept_x_, sum_;
};

}  // namespace assay
