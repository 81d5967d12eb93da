#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>

#include "kernels/inference/channel_norm.h"

namespace assay {

/// Whether modulated_norm() takes images of so many channels: a multiple of 8.
bool modulated_norm_takes(std::int64_t channels);

/// GroupNorm with weight and bias [C] of float32 images [B, C, H, W] on the CPU, then (1 + scale) n + shift where
/// `modulation` [B, 2C] is defined, scales before shifts, then SiLU where asked for: one operator, differentiable once,
/// of channels-last images, as which others are copied; the result lies so too. For the gradient only x and two numbers
/// a group are kept.
///
/// Mean and variance are taken one after the other, and sums of 64 positions in float32 and of these in double, as
/// channel_norm() does. Bits depend neither on the number of threads nor, but for the gradients of weight and bias, on
/// the batch.
at::Tensor modulated_norm(const at::Tensor& x, std::int64_t groups, const at::Tensor& weight, const at::Tensor& bias,
                          const at::Tensor& modulation, double eps, AfterNorm after);

}  // namespace assay
