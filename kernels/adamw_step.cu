#include <algorithm>

#include "kernels/adamw_step_cuda.h"

namespace assay {
namespace {

__global__ void adamw_step_kernel(float* __restrict__ parameters, const float* __restrict__ gradients,
                                  float* __restrict__ first, float* __restrict__ second, float* __restrict__ ema,
                                  std::int64_t n, AdamWFactors factors) {
  const std::int64_t stride = std::int64_t{blockDim.x} * gridDim.x;
  for (std::int64_t i = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < n; i += stride) {
    const float value = adamw_value(parameters[i], gradients[i], first[i], second[i], factors);
    parameters[i] = value;
    if (ema) ema[i] = ema_value(ema[i], value, factors);
  }
}

}  // namespace

void launch_adamw_step(float* parameters, const float* gradients, float* first, float* second, float* ema,
                       std::int64_t n, const AdamWFactors& factors, cudaStream_t stream) {
  if (n == 0) return;  // a grid of no blocks is a launch error
  constexpr int threads = 256;
  const int blocks = static_cast<int>(std::min<std::int64_t>((n + threads - 1) / threads, 4096));
  adamw_step_kernel<<<blocks, threads, 0, stream>>>(parameters, gradients, first, second, ema, n, factors);
}

}  // namespace assay
