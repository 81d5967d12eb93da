#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>

namespace assay {

/// Sinusoidal embedding of time steps, [B] -> [B, dim] float32: cosines first, then sines, of t * f_i with
/// f_i = exp(-ln(max_period) i / half), half = dim / 2 rounded down; an odd `dim` ends in a zero column
/// (guided-diffusion nn.py; shared by ADM, SGDM, U-ViT and MaskDM). `timesteps` may be integers or fractions.
at::Tensor timestep_embedding(const at::Tensor& timesteps, std::int64_t dim, double max_period = 10000.0);

}  // namespace assay
