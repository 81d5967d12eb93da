#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>

#include "diffusion/process/gaussian_process.h"
#include "diffusion/sampling/sampler.h"

namespace assay {

/// How guided-diffusion samples; the steps are those of the process.
struct AdmSampling {
  enum class Kind { ddpm, ddim };
  Kind kind = Kind::ddpm;
  double eta = 0.0;  // DDIM: 0 deterministic, 1 DDPM's noise; in [0, 1]
  bool clip = true;  // x_0 to [-1, 1]
};

/// guided-diffusion's DDPM and DDIM. The network's eps is mixed first (v is that of the branch with the condition);
/// then a term of the score moves the mean (DDPM) or the score (DDIM), x_0 staying as it was clipped. sample() throws
/// InputError when the process and the denoiser disagree on learned variance.
class AdmSampler : public Sampler {
 public:
  /// Throws InputError for eta out of range.
  AdmSampler(GaussianProcess process, const AdmSampling& sampling);

  at::Tensor sample(const Denoiser& denoiser, Guidance& guidance, at::Tensor x, const StepNoise& noise = {},
                    const StepObserver& observer = {}) const override;
  std::int64_t steps() const override { return process_.steps(); }

 private:
  at::Tensor ddim_in_one_pass(const Branches& eps, const at::Tensor& x, std::size_t index, const at::Tensor& z) const;
  at::Tensor by_the_process(const Branches& branches, const at::Tensor& term, const at::Tensor& x, const at::Tensor& t,
                            const at::Tensor& z) const;

  GaussianProcess process_;
  AdmSampling sampling_;
};

}  // namespace assay
