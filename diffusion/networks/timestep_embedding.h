#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>

namespace assay {

/// Which half of an embedding comes first.
enum class EmbeddingOrder { cosines_first, sines_first };

/// Sinusoidal embedding of time steps, [B] -> [B, dim] float32: cosines and sines of t * f_i with
/// f_i = exp(-ln(max_period) i / (half - frequency_shift)), half = dim / 2 rounded down; an odd `dim` ends in a zero
/// column (guided-diffusion nn.py, whose shift is 0; shared by ADM, SGDM, U-ViT, MaskDM and Stable Diffusion).
/// `timesteps` may be integers or fractions.
at::Tensor timestep_embedding(const at::Tensor& timesteps, std::int64_t dim, double max_period = 10000.0,
                              double frequency_shift = 0.0, EmbeddingOrder order = EmbeddingOrder::cosines_first);

}  // namespace assay
