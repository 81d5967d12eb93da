#pragma once
#include <ATen/core/Tensor.h>

#include <string>

#include "diffusion/denoiser.h"

namespace assay {

/// The two public conventions of the guidance weight w (SGDM's published code). All code here works in `imagen`.
///   imagen  eps = (1 - w) eps_uncond + w eps_cond       w = 0 unconditional, 1 conditional
///   cfg     eps = (1 + w) eps_cond - w eps_uncond       w = -1 unconditional, 0 conditional
/// Hence w_imagen = 1 + w_cfg. SGDM's code treats a `cfg` weight of exactly 0 and 1 as a shortcut to the
/// unconditional and the conditional branch; that jump is not followed.
enum class GuidanceConvention { imagen, cfg };

GuidanceConvention read_guidance_convention(const std::string& name);
/// Throws InputError when w is not finite.
double to_imagen(double w, GuidanceConvention convention);
inline double to_cfg(double w_imagen) { return w_imagen - 1.0; }

/// Classifier-free guidance (Ho, Salimans, arXiv:2207.12598) in the `imagen` convention above:
/// (1 - weight) eps_uncond + weight eps_cond, without a learned variance. Weights of 0 and 1, and no condition,
/// evaluate the denoiser once.
at::Tensor guided_prediction(const Denoiser& denoiser, const at::Tensor& x, const at::Tensor& timesteps,
                             const Condition& condition, double weight);

}  // namespace assay
