#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "diffusion/denoiser.h"
#include "diffusion/process/noise_schedule.h"
#include "diffusion/step_noise.h"

namespace assay {

/// Which published DDIM loop is followed.
///   sgdm  steps 1 + j floor(T/S); the last step goes to alpha_bar[0], not to 1; eps is kept after clipping x0
///         (its published sampler)
///   adm   guided-diffusion's "ddimS": steps 0, T/S, ...; the last step goes to alpha_bar = 1; eps is derived again
///         from the clipped x0
enum class DdimVariant { sgdm, adm };

DdimVariant read_ddim_variant(const std::string& name);

/// One step of a DDIM trajectory.
struct DdimStep {
  std::int64_t timestep;      // of the original process, what the network sees
  double alpha_bar;           // at this step
  double alpha_bar_previous;  // at the step it leads to
  double sigma;               // standard deviation of the noise added, eta times the DDPM posterior's
};

/// The steps in the order they are taken (noisiest first). Throws InputError unless 1 <= count <= T, unless an ADM list
/// has a constant stride (T a multiple of nothing else is refused there too), or when a step would fall outside the
/// process (SGDM with count = T). `eta` in [0, 1].
std::vector<DdimStep> ddim_steps(const NoiseSchedule& schedule, DdimVariant variant, std::int64_t count, double eta);

/// The ancestral step of DDPM from time step t, with the posterior's own variance: DDIM at eta = 1 whose eps is derived
/// again from the clipped x0 (Song et al., arXiv:2010.02502, section 4.1). From t = 0 it goes to alpha_bar 1 without
/// noise. Throws InputError for t outside the schedule.
DdimStep ancestral_step(const NoiseSchedule& schedule, std::int64_t t);

struct DdimOptions {
  DdimVariant variant = DdimVariant::sgdm;
  std::int64_t steps = 250;
  double eta = 0.0;
  double weight =
      1.0;           // guidance weight w, `imagen` convention; 0 and 1 evaluate the network once a step, others twice
  bool clip = true;  // x0 to [-1, 1]
  double threshold_quantile = 1.0;  // below 1: dynamic thresholding instead of the clipping (SGDM's dtp)
};

/// x after one step from the predicted noise `eps`, [B, C, H, W] float32. `noise` is read where step.sigma > 0.
at::Tensor ddim_step(const at::Tensor& x, const at::Tensor& eps, const DdimStep& step, const DdimOptions& options,
                     const at::Tensor& noise = {});

/// Draws images from noise. `x`: x_T [B, C, H, W]; `condition`: of every row, or undefined for none;
/// `noise(i)`, needed for eta > 0 only (InputError without), gives the noise [B, C, H, W] of step i.
at::Tensor ddim_sample(const Denoiser& denoiser, const NoiseSchedule& schedule, const DdimOptions& options,
                       at::Tensor x, const Condition& condition, const StepNoise& noise = {});

}  // namespace assay
