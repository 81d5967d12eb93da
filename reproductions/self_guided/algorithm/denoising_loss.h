#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "diffusion/denoiser.h"
#include "diffusion/process/noise_schedule.h"

namespace assay::self_guided {

/// The training loss of each image, on images the network has not seen: the squared error of the predicted noise, mean
/// over pixels and over `timesteps` steps floor((j + 1/2) T / timesteps). Image i and step j have one noise under
/// `seed`, whatever the condition, so losses under two conditions are paired.
/// `images` [N, C, H, W] in [-1, 1]; `condition` of the N images, or undefined for the null condition.
std::vector<double> denoising_loss(const Denoiser& denoiser, const NoiseSchedule& schedule, const at::Tensor& images,
                                   const Condition& condition, std::int64_t timesteps, std::uint64_t seed);

}  // namespace assay::self_guided
