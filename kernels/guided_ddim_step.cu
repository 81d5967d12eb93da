#include <algorithm>

#include "kernels/guided_ddim_step_cuda.h"

namespace assay {
namespace {

__global__ void guided_ddim_step_kernel(const float* __restrict__ x, const float* __restrict__ eps_uncond,
                                        const float* __restrict__ eps_cond, const float* __restrict__ noise,
                                        float* __restrict__ out, std::int64_t n, DdimStepFactors factors) {
  const std::int64_t stride = std::int64_t{blockDim.x} * gridDim.x;
  for (std::int64_t i = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < n; i += stride) {
    const float eps = eps_cond ? guided_eps(eps_uncond[i], eps_cond[i], factors) : eps_uncond[i];
    const float value = ddim_value(x[i], eps, factors);
    out[i] = noise ? fmaf(factors.noise, noise[i], value) : value;
  }
}

}  // namespace

void launch_guided_ddim_step(const float* x, const float* eps_uncond, const float* eps_cond, const float* noise,
                             float* out, std::int64_t n, const DdimStepFactors& factors, cudaStream_t stream) {
  if (n == 0) return;  // a grid of no blocks is a launch error
  constexpr int threads = 256;
  const int blocks = static_cast<int>(std::min<std::int64_t>((n + threads - 1) / threads, 4096));
  guided_ddim_step_kernel<<<blocks, threads, 0, stream>>>(x, eps_uncond, eps_cond, noise, out, n, factors);
}

}  // namespace assay
