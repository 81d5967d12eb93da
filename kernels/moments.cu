#include "kernels/moments_cuda.h"
#include "kernels/moments_math.h"

namespace assay {
namespace {

constexpr int tile = 16;

/// One thread per entry (i, j) of a 16 x 16 tile of the lower triangle; it writes (j, i) as well.
__global__ void outer_kernel(const float* __restrict__ rows, std::int64_t count, std::int64_t width,
                             double* __restrict__ outer) {
  __shared__ float left[tile][tile], right[tile][tile + 1];
  if (blockIdx.x > blockIdx.y) return;
  const std::int64_t i = std::int64_t{blockIdx.y} * tile + threadIdx.y;
  const std::int64_t j = std::int64_t{blockIdx.x} * tile + threadIdx.x;
  const std::int64_t left_column = std::int64_t{blockIdx.y} * tile + threadIdx.x;
  double sum = 0.0;
  for (std::int64_t first = 0; first < count; first += tile) {
    const std::int64_t row = first + threadIdx.y;
    left[threadIdx.y][threadIdx.x] = row < count && left_column < width ? rows[row * width + left_column] : 0.0f;
    right[threadIdx.y][threadIdx.x] = row < count && j < width ? rows[row * width + j] : 0.0f;
    __syncthreads();
    for (int r = 0; r < tile && first + r < count; ++r)
      sum = add_product(sum, left[r][threadIdx.y], right[r][threadIdx.x]);
    __syncthreads();
  }
  if (i >= width || j > i) return;
  outer[i * width + j] = sum;
  outer[j * width + i] = sum;
}

__global__ void sum_kernel(const float* __restrict__ rows, std::int64_t count, std::int64_t width,
                           double* __restrict__ sum) {
  const std::int64_t stride = std::int64_t{blockDim.x} * gridDim.x;
  for (std::int64_t i = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < width; i += stride) {
    double total = 0.0;
    for (std::int64_t row = 0; row < count; ++row) total += static_cast<double>(rows[row * width + i]);
    sum[i] = total;
  }
}

}  // namespace

void launch_moments(const float* rows, std::int64_t count, std::int64_t width, double* sum, double* outer,
                    cudaStream_t stream) {
  if (width == 0) return;  // a grid of no blocks is a launch error
  const auto tiles = static_cast<unsigned>((width + tile - 1) / tile);
  outer_kernel<<<dim3(tiles, tiles), dim3(tile, tile), 0, stream>>>(rows, count, width, outer);
  sum_kernel<<<static_cast<unsigned>((width + 127) / 128), 128, 0, stream>>>(rows, count, width, sum);
}

}  // namespace assay
