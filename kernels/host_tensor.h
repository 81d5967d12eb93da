#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <string>

#include "core/safetensors.h"

/// Tensors on the CPU from numbers that a program holds or a file has. Every result owns its memory.
namespace assay {

/// The int64 tensor [n] of these n values; n may be 0.
at::Tensor host_tensor(std::span<const std::int64_t> values);
/// The float32 tensor [n] of these n values.
at::Tensor host_tensor(std::span<const float> values);
/// The float64 tensor [n] of these n values.
at::Tensor host_tensor(std::span<const double> values);

/// The tensor of that name with its own shape, as int64, float32 or uint8. Throws InputError where the file has no such
/// tensor, or one of another element type.
at::Tensor tensor_of(const SafetensorsFile& file, const std::string& name);

/// These rows of a tensor [N, ...] on the CPU, in this order; a row may be taken more than once. Throws where a row is
/// not in [0, N).
at::Tensor rows_of(const at::Tensor& tensor, std::span<const std::int64_t> rows);

}  // namespace assay
