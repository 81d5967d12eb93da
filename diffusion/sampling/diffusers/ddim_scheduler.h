#pragma once
#include <cstdint>
#include <optional>

#include "diffusion/sampling/diffusers/scheduler.h"

namespace assay {

/// Arguments of diffusers' DDIMScheduler, and the two of its step().
struct DdimSchedulerOptions {
  std::optional<double> clip = 1.0;  // clip_sample and clip_sample_range: x0 to [-clip, clip]
  bool set_alpha_to_one = true;      // the last step goes to alpha_bar 1, else to alpha_bar[0]
  std::int64_t steps_offset = 0;     // added with leading spacing
  Prediction prediction = Prediction::epsilon;
  std::optional<DynamicThreshold> thresholding;  // instead of the clipping
  Spacing spacing = Spacing::leading;
  double eta = 0.0;                       // of step(): share of the DDPM posterior's deviation, 0 to 1
  bool use_clipped_model_output = false;  // of step(): derive eps again from the clipped x0
};

/// DDIM (Song et al., arXiv:2010.02502). A step goes from t to t - floor(T / count), whatever the spacing: with
/// trailing spacing and a count that does not divide T that is not the next time step.
class DdimScheduler : public Scheduler {
 public:
  /// Throws InputError for options out of range.
  DdimScheduler(NoiseSchedule schedule, DdimSchedulerOptions options);
  bool needs_noise() const override { return options_.eta > 0; }
  Prediction prediction() const override { return options_.prediction; }

 private:
  void plan(std::int64_t count) override;
  at::Tensor advance(const at::Tensor& output, const at::Tensor& x, const at::Tensor& noise) override;

  DdimSchedulerOptions options_;
  std::int64_t stride_ = 1;
};

/// Arguments of diffusers' DDIMInverseScheduler.
struct DdimInverseOptions {
  std::optional<double> clip = 1.0;
  bool set_alpha_to_one = true;  // noise levels before the table's are alpha_bar 1, else alpha_bar[0]
  std::int64_t steps_offset = 0;
  Prediction prediction = Prediction::epsilon;
  Spacing spacing = Spacing::leading;  // linspace is not one of its spacings
};

/// DDIM from an image towards noise: time steps ascend, and a step with time step t takes x from the noise level of
/// t - floor(T / count) to that of t, asking the network at t.
class DdimInverseScheduler : public Scheduler {
 public:
  /// Throws InputError for options out of range.
  DdimInverseScheduler(NoiseSchedule schedule, DdimInverseOptions options);
  Prediction prediction() const override { return options_.prediction; }

 private:
  void plan(std::int64_t count) override;
  at::Tensor advance(const at::Tensor& output, const at::Tensor& x, const at::Tensor& noise) override;

  DdimInverseOptions options_;
  std::int64_t stride_ = 1;
};

}  // namespace assay
