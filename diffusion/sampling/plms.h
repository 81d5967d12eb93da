#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "diffusion/sampling/ddim.h"

namespace assay {

/// PLMS as the latent-diffusion code base and Self-Guided Diffusion have it: the step list and steps of DdimSampler
/// with the past predictions extrapolated (orders 2, 3, 4); the first step asks the guidance twice, the second time at
/// the step's end. Unlike PNDM (diffusion/sampling/diffusers/pndm_scheduler.h) it clips x0.
class PlmsSampler : public Sampler {
 public:
  /// Throws InputError as ddim_steps() does and for eta above 0.
  PlmsSampler(const NoiseSchedule& schedule, DdimOptions options);
  /// Steps of the caller's, noisiest first and of sigma 0; `options.steps` and `options.eta` are not read.
  PlmsSampler(std::vector<DdimStep> steps, DdimOptions options)
      : steps_(std::move(steps)), options_(std::move(options)) {}

  at::Tensor sample(const Denoiser& denoiser, Guidance& guidance, at::Tensor x, const StepNoise& noise = {},
                    const StepObserver& observer = {}) const override;
  std::int64_t steps() const override { return static_cast<std::int64_t>(steps_.size()); }

 private:
  std::vector<DdimStep> steps_;
  DdimOptions options_;
};

}  // namespace assay
