#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>

namespace assay {

/// Row i holds the nearest references of query i, nearest first, equal distances by smaller index.
struct SmallestDistances {
  at::Tensor distances;  // float64 [N, k], squared Euclidean distances
  at::Tensor indices;    // int64 [N, k], rows of the references
};

/// The k smallest squared Euclidean distances of each row of `queries` [N, D] to the rows of `references` [M, D]
/// (float32, one device), without an N x M matrix. Candidates come from float32 arithmetic with a margin that covers
/// its worst rounding; the answer is decided by distances summed in double, so it depends neither on block sizes nor
/// on the number of threads, nor on the device. A query that is also a reference is not left out.
/// 1 <= k <= M; on CUDA k <= 32. Throws c10::Error on shapes, types, devices, k, and on a row that is not finite.
SmallestDistances smallest_distances(const at::Tensor& queries, const at::Tensor& references, std::int64_t k);

}  // namespace assay
