#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>

namespace assay {

/// Sums over the rows of one block of feature vectors.
struct BlockMoments {
  at::Tensor sum;    // float64 [D], sum of x
  at::Tensor outer;  // float64 [D, D], sum of x x^T; symmetric to the bit
};

/// First and second sums of `rows` [N, D] float32, in double: entry (i, j) adds x_i x_j row after row in the order
/// given, and a product of two floats is exact in double, so the bits depend on the rows alone (not on threads,
/// not on the device). Meant for blocks of a few hundred rows: see metrics/feature_sets/moments.h, which joins blocks.
/// No rows give zeros. Throws c10::Error on another shape or type.
BlockMoments moments(const at::Tensor& rows);

/// The same on the CPU without tensors: `rows` [count, width] into `sum` [width] and `lower` [width (width + 1) / 2],
/// the lower triangle row after row.
void moments(const float* rows, std::int64_t count, std::int64_t width, double* sum, double* lower);

}  // namespace assay
