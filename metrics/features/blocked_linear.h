#pragma once
#include <ATen/core/Tensor.h>

namespace assay {

/// x weight^T + bias for x [B, in], weight [out, in] and bias [out] or undefined: [B, out].
///
/// MKL rounds a product of one row otherwise than the same row among others, and draws the line at another number of
/// rows for each size, processor and number of threads (of 2,048 inputs and 1,008 outputs at 2 and at 16 rows on one).
/// So on a CPU blocks of constant size are worked out, each on one thread: a row's bits depend on nothing beside it.
at::Tensor blocked_linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias = {});

}  // namespace assay
