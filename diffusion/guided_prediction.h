#pragma once
#include <ATen/core/Tensor.h>

#include "diffusion/denoiser.h"

namespace assay {

/// Classifier-free guidance (Ho, Salimans, arXiv:2207.12598) in the `imagen` convention of diffusion/guidance.h:
/// (1 - weight) eps_uncond + weight eps_cond, without a learned variance. Weights of 0 and 1, and no condition,
/// evaluate the denoiser once.
at::Tensor guided_prediction(const Denoiser& denoiser, const at::Tensor& x, const at::Tensor& timesteps,
                             const Condition& condition, double weight);

}  // namespace assay
