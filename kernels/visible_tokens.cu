#include <algorithm>

#include "kernels/visible_tokens_cuda.h"
#include "kernels/visible_tokens_math.h"

namespace assay {
namespace {

constexpr int threads = 256;

int blocks_for(std::int64_t n) { return static_cast<int>(std::min<std::int64_t>((n + threads - 1) / threads, 4096)); }

__global__ void visible_tokens_kernel(const float* __restrict__ first, const float* __restrict__ patches,
                                      const float* __restrict__ positions, const std::int64_t* __restrict__ visible,
                                      float* __restrict__ tokens, TokenSizes s) {
  const std::int64_t stride = std::int64_t{blockDim.x} * gridDim.x, length = s.first + s.shown;
  for (std::int64_t i = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < s.batch * length * s.width;
       i += stride) {
    const std::int64_t channel = i % s.width, row = i / s.width % length, image = i / s.width / length;
    const float value = row < s.first ? first[(image * s.first + row) * s.width + channel]
                                      : patches[(image * s.shown + row - s.first) * s.width + channel];
    const std::int64_t place = position_row(row, s.first, visible ? visible + image * s.shown : nullptr);
    tokens[i] = value + positions[place * s.width + channel];
  }
}

// One thread owns a sum and walks the images in order: no atomics, the same bits in every run.
__global__ void position_sums_kernel(const float* __restrict__ tokens, const std::int64_t* __restrict__ slots,
                                     float* __restrict__ sums, TokenSizes s) {
  const std::int64_t stride = std::int64_t{blockDim.x} * gridDim.x, length = s.first + s.shown;
  for (std::int64_t i = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < (s.first + s.patches) * s.width;
       i += stride) {
    const std::int64_t channel = i % s.width, row = i / s.width;
    float sum = 0.0f;
    for (std::int64_t image = 0; image < s.batch; ++image) {
      const std::int64_t token = token_row(row, s.first, slots ? slots + image * s.patches : nullptr);
      if (token >= 0) sum += tokens[(image * length + token) * s.width + channel];
    }
    sums[i] = sum;
  }
}

}  // namespace

void launch_visible_tokens(const float* first, const float* patches, const float* positions,
                           const std::int64_t* visible, float* tokens, const TokenSizes& sizes, cudaStream_t stream) {
  const std::int64_t n = sizes.batch * (sizes.first + sizes.shown) * sizes.width;
  if (n == 0) return;  // a grid of no blocks is a launch error
  visible_tokens_kernel<<<blocks_for(n), threads, 0, stream>>>(first, patches, positions, visible, tokens, sizes);
}

void launch_position_sums(const float* tokens, const std::int64_t* slots, float* sums, const TokenSizes& sizes,
                          cudaStream_t stream) {
  const std::int64_t n = (sizes.first + sizes.patches) * sizes.width;
  if (n == 0) return;
  position_sums_kernel<<<blocks_for(n), threads, 0, stream>>>(tokens, slots, sums, sizes);
}

}  // namespace assay
