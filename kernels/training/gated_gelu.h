#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>

namespace assay {

/// Whether gated_gelu_with_gradient() takes rows of so many values: a multiple of 16.
bool gated_gelu_takes(std::int64_t values);

/// a gelu(g) of float32 rows [..., 2n] on the CPU that hold a and then g: [..., n]; gelu(g) is g times the normal
/// distribution's share below g, by the formula of inference (inference/normal_lanes.h). One operator, differentiable
/// once.
at::Tensor gated_gelu_with_gradient(const at::Tensor& x);

}  // namespace assay
