#pragma once
#include <ATen/core/Tensor.h>

#include <vector>

namespace assay {

/// The squared length of each row of a contiguous float32 [N, D] on the CPU, in double: squared_distance() to the
/// origin. Not finite where the row is not.
std::vector<double> squared_norms(const at::Tensor& rows);

}  // namespace assay
