#pragma once
#include <ATen/core/Tensor.h>

#include <vector>

#include "diffusion/sampling/ddim.h"

namespace assay {

/// PLMS as the latent-diffusion code base and Self-Guided Diffusion have it: the step list and steps of ddim_sample
/// with the past predictions extrapolated (orders 2, 3, 4); the first step evaluates twice, the second time at the
/// step's end. Unlike PNDM (diffusion/sampling/diffusers/pndm_scheduler.h) it clips x0. Arguments as for ddim_sample.
/// Throws InputError for eta above 0.
at::Tensor plms_sample(const Denoiser& denoiser, const NoiseSchedule& schedule, const DdimOptions& options,
                       at::Tensor x, const Condition& condition);
/// The same over steps of the caller's, noisiest first; `options.steps` and `options.eta` are not read.
at::Tensor plms_sample(const Denoiser& denoiser, const std::vector<DdimStep>& steps, const DdimOptions& options,
                       at::Tensor x, const Condition& condition);

}  // namespace assay
