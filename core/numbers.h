#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/safetensors.h"

namespace assay {

/// "float16", "uint8", ...: the type as NumPy and PyTorch name it.
std::string_view numpy_name_of(DType type);

/// Whether tensors of this type are ever weights or buffers of the networks read here: types that are not read and
/// unsigned integers wider than a byte are not, so that such tensors beside them say nothing of which network it is.
bool can_be_network_state(DType type);

/// Elements of any type but `f32`, `f64` and `other` as float32, as many as `to` has. Nothing where all are exact,
/// which float16, bfloat16 and integers up to 2^24 are; else the place of the first that float32 cannot hold.
std::optional<std::size_t> convert_to_float(DType type, std::span<const std::byte> from, std::span<float> to);

/// Elements of any type but `other` as doubles. Integers beyond 2^53 are rounded.
void convert_to_double(DType type, std::span<const std::byte> from, std::span<double> to);

/// Elements of any type but `other` as integers. Nothing where all are whole numbers that fit; else the place of the
/// first that is not.
std::optional<std::size_t> convert_to_integers(DType type, std::span<const std::byte> from, std::span<std::int64_t> to);

/// All elements of a tensor. Throw InputError that starts with `where`: a type that is not read, and of integers a
/// number that is not whole.
std::vector<double> doubles_of(const TensorView& view, const std::string& where);
std::vector<std::int64_t> integers_of(const TensorView& view, const std::string& where);

}  // namespace assay
