#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>

#include "diffusion/denoiser.h"
#include "diffusion/guidance/score_guidance.h"
#include "diffusion/process/gaussian_process.h"
#include "diffusion/step_noise.h"

namespace assay {

/// How guided-diffusion samples; the steps are those of the process.
struct AdmSampling {
  enum class Kind { ddpm, ddim };
  Kind kind = Kind::ddpm;
  double eta = 0.0;  // DDIM: 0 deterministic, 1 DDPM's noise; in [0, 1]
  bool clip = true;  // x_0 to [-1, 1]
  double weight =
      1.0;  // classifier-free w, `imagen` convention; 0 and 1 evaluate the network once a step, others twice
};

/// Sees x after step i.
using StepObserver = std::function<void(std::int64_t step, const at::Tensor& x)>;

/// Draws from noise x_T [B, C, H, W]. `condition`: of every row, or undefined for none. The network's eps is
/// mixed by classifier-free guidance first (v is the conditional branch's); then `guidance`, where given, moves the
/// mean (DDPM) or the score (DDIM). Runs in the type and on the device of x_T. Throws InputError when the process and
/// the denoiser disagree on learned variance, when the denoiser has no null condition but needs one, and for eta or w
/// out of range; Error when noise is needed and there is none.
at::Tensor adm_sample(const GaussianProcess& process, const Denoiser& denoiser, const AdmSampling& sampling,
                      at::Tensor x, const Condition& condition, ScoreGuidance* guidance = nullptr,
                      const StepNoise& noise = {}, const StepObserver& observer = {});

}  // namespace assay
