#pragma once
#include <cuda_runtime_api.h>

#include <cstdint>

namespace assay {

/// rows [count, width] float; sum [width] and outer [width, width] double.
void launch_moments(const float* rows, std::int64_t count, std::int64_t width, double* sum, double* outer,
                    cudaStream_t stream);

}  // namespace assay
