#pragma once
#include <cuda_runtime_api.h>

#include <cstdint>

#include "kernels/adamw_step_math.h"

namespace assay {

/// `ema` may be null. All arrays hold n floats on the stream's device.
void launch_adamw_step(float* parameters, const float* gradients, float* first, float* second, float* ema,
                       std::int64_t n, const AdamWFactors& factors, cudaStream_t stream);

}  // namespace assay
