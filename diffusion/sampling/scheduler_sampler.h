#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>

#include "diffusion/sampling/diffusers/scheduler.h"
#include "diffusion/sampling/sampler.h"

namespace assay {

/// A scheduler of diffusers/ as a sampler: it evaluates what the scheduler's caller does. The scheduler is handed what
/// the denoiser predicts, so both must have the same prediction type. Fractional time steps reach the denoiser as
/// float32. The guidance is asked once for each of the scheduler's time steps, which may be more than steps() (PNDM);
/// it sees x as the denoiser does.
class SchedulerSampler : public Sampler {
 public:
  /// `make` gives a scheduler for one chain, which takes `steps` steps. Throws InputError for a number of steps that
  /// the scheduler cannot take.
  SchedulerSampler(std::function<std::unique_ptr<Scheduler>()> make, std::int64_t steps);

  at::Tensor sample(const Denoiser& denoiser, Guidance& guidance, at::Tensor x, const StepNoise& noise = {},
                    const StepObserver& observer = {}) const override;
  std::int64_t steps() const override { return steps_; }

 private:
  std::unique_ptr<Scheduler> ready() const;

  std::function<std::unique_ptr<Scheduler>()> make_;
  std::int64_t steps_;
};

}  // namespace assay
