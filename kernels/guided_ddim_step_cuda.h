#pragma once
#include <cuda_runtime_api.h>

#include <cstdint>

#include "kernels/guided_ddim_step_math.h"

namespace assay {

/// `eps_cond` and `noise` may be null. All arrays hold n floats on the stream's device.
void launch_guided_ddim_step(const float* x, const float* eps_uncond, const float* eps_cond, const float* noise,
                             float* out, std::int64_t n, const DdimStepFactors& factors, cudaStream_t stream);

}  // namespace assay
