#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "diffusion/denoiser.h"
#include "diffusion/process/noise_schedule.h"
#include "diffusion/sampling/ddim.h"
#include "diffusion/sampling/diffusers/scheduler.h"
#include "diffusion/step_noise.h"

namespace assay {

/// How a chain runs from noise to images.
///   ddim     the loop of ddim_sample, in its variant
///   ddpm     ancestral sampling on the ADM step list with the posterior's own variance (see ancestral_step)
///   plms     plms_sample
///   pndm     PNDM as Stable Diffusion is sampled with: no Runge-Kutta start, leading spacing, offset 1, last step to
///            alpha_bar[0]; x0 is not clipped
///   dpm++2m  DPM-Solver++ of order 2, midpoint, linspace spacing, first order at the end, x0 clipped where asked
///   euler    Euler in sigma, trailing spacing (whole time steps from T - 1); x0 is not clipped
enum class SamplerKind { ddim, ddpm, plms, pndm, dpmpp_2m, euler };

const std::vector<std::string>& sampler_names();
/// Throws InputError with the known names.
SamplerKind read_sampler(const std::string& name);

struct SamplerOptions {
  SamplerKind kind = SamplerKind::ddim;
  DdimOptions ddim;  // steps, weight and clip for all; variant for ddim and plms; eta for ddim; the quantile for all
                     // but pndm and euler
};

/// Draws images from standard normal `x` [B, C, H, W] (scaled inside where a sampler starts elsewhere), with
/// classifier-free guidance of the weight in options.ddim. `condition` [B, condition_size] or undefined for none.
/// Throws InputError for a number of steps that the sampler cannot take, and where noise is needed and missing.
at::Tensor draw_samples(const Denoiser& denoiser, const NoiseSchedule& schedule, const SamplerOptions& options,
                        at::Tensor x, const Condition& condition, const StepNoise& noise = {});

/// Runs a scheduler whose steps are set: x is what it starts from. The denoiser predicts noise, so the scheduler's
/// prediction must be epsilon (InputError). Fractional time steps reach the denoiser as float32.
at::Tensor run_scheduler(Scheduler& scheduler, const Denoiser& denoiser, at::Tensor x, const Condition& condition,
                         double weight, const StepNoise& noise = {});

}  // namespace assay
