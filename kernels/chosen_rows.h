#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>

namespace assay {

/// The rows of these numbers, in that order, of a contiguous float32 [N, D] on the CPU, copied by one thread: callers
/// choose rows in several threads at once. Each number lies in [0, N); one may occur more than once.
at::Tensor chosen_rows(const at::Tensor& rows, std::span<const std::int64_t> numbers);

}  // namespace assay
