#pragma once
#include <cstdint>
#include <memory>

#include "core/names.h"
#include "diffusion/process/noise_schedule.h"
#include "diffusion/sampling/ddim.h"
#include "diffusion/sampling/sampler.h"

namespace assay {

/// How a chain runs from noise to images.
///   ddim     DdimSampler, in its variant
///   ddpm     ancestral sampling on the ADM step list with the posterior's own variance (see ancestral_step)
///   plms     PlmsSampler
///   pndm     PNDM as Stable Diffusion is sampled with: no Runge-Kutta start, leading spacing, offset 1, last step to
///            alpha_bar[0]; x0 is not clipped
///   dpm++2m  DPM-Solver++ of order 2, midpoint, linspace spacing, first order at the end, x0 clipped where asked
///   euler    Euler in sigma, trailing spacing (whole time steps from T - 1); x0 is not clipped
///   euler-maruyama  EulerMaruyamaSampler, the reverse SDE as U-ViT is sampled with; for the schedule `linear` of 1000
///            steps alone; x0 is not clipped
enum class SamplerKind { ddim, ddpm, plms, pndm, dpmpp_2m, euler, euler_maruyama };

inline constexpr Names<SamplerKind> sampler_names = {{"ddim", SamplerKind::ddim},
                                                     {"ddpm", SamplerKind::ddpm},
                                                     {"plms", SamplerKind::plms},
                                                     {"pndm", SamplerKind::pndm},
                                                     {"dpm++2m", SamplerKind::dpmpp_2m},
                                                     {"euler", SamplerKind::euler},
                                                     {"euler-maruyama", SamplerKind::euler_maruyama}};

/// A sampler of any kind over the same options: steps and clip for all; variant for ddim and plms; eta for ddim, and 0
/// for plms; the quantile for all but pndm, euler and
/// euler-maruyama. Throws InputError for options that the sampler cannot follow.
std::unique_ptr<Sampler> make_sampler(SamplerKind kind, const NoiseSchedule& schedule, const DdimOptions& options);

}  // namespace assay
