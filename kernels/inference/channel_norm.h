#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>

namespace assay {

/// What follows a norm.
enum class AfterNorm { nothing, silu };

/// GroupNorm of channels-last float32 images [B, C, H, W] on the CPU, with weight and bias [C], and SiLU behind it
/// where asked for. Mean and variance are taken one after the other, with sums of 64 positions in float32 and of these
/// in double: an image far from zero keeps its digits, which LibTorch's norm of such images loses. Bits depend neither
/// on the batch nor on the number of threads.
at::Tensor channel_norm(const at::Tensor& x, std::int64_t groups, const at::Tensor& weight, const at::Tensor& bias,
                        double eps, AfterNorm after);

}  // namespace assay
