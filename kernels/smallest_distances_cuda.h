#pragma once
#include <cuda_runtime_api.h>

#include <cstdint>

namespace assay {

/// queries [count, width], references [reference_count, width]; distances and indices [count, k], 1 <= k <= 32.
void launch_smallest_distances(const float* queries, std::int64_t count, const float* references,
                               std::int64_t reference_count, std::int64_t width, int k, double* distances,
                               std::int64_t* indices, cudaStream_t stream);

}  // namespace assay
