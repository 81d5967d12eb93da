#include <algorithm>

#include "kernels/visible_patches_cuda.h"

namespace assay {
namespace {

constexpr int threads = 256;

int blocks_for(std::int64_t n) { return static_cast<int>(std::min<std::int64_t>((n + threads - 1) / threads, 4096)); }

__global__ void gather_patches_kernel(const float* __restrict__ x, const std::int64_t* __restrict__ visible,
                                      float* __restrict__ patches, std::int64_t n, std::int64_t shown, PatchGrid grid) {
  const std::int64_t stride = std::int64_t{blockDim.x} * gridDim.x, values = patch_values(grid);
  for (std::int64_t i = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < n; i += stride) {
    const std::int64_t row = i / values, patch = visible ? visible[row] : row % shown;
    patches[i] = x[row / shown * image_values(grid) + patch_corner(grid, patch) + value_offset(grid, i % values)];
  }
}

__global__ void scatter_patches_kernel(const float* __restrict__ patches, const std::int64_t* __restrict__ slots,
                                       float* __restrict__ x, std::int64_t n, std::int64_t shown, float fill,
                                       PatchGrid grid) {
  const std::int64_t stride = std::int64_t{blockDim.x} * gridDim.x;
  for (std::int64_t i = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < n; i += stride) {
    const std::int64_t line = i / grid.width, image = line / grid.height / grid.channels;
    const PatchValue at = patch_value(grid, line / grid.height % grid.channels, line % grid.height, i % grid.width);
    const std::int64_t slot = slots ? slots[image * grid_patches(grid) + at.patch] : at.patch;
    x[i] = slot < 0 ? fill : patches[(image * shown + slot) * patch_values(grid) + at.value];
  }
}

}  // namespace

void launch_gather_patches(const float* x, const std::int64_t* visible, float* patches, std::int64_t batch,
                           std::int64_t shown, const PatchGrid& grid, cudaStream_t stream) {
  const std::int64_t n = batch * shown * patch_values(grid);
  if (n == 0) return;  // a grid of no blocks is a launch error
  gather_patches_kernel<<<blocks_for(n), threads, 0, stream>>>(x, visible, patches, n, shown, grid);
}

void launch_scatter_patches(const float* patches, const std::int64_t* slots, float* x, std::int64_t batch,
                            std::int64_t shown, float fill, const PatchGrid& grid, cudaStream_t stream) {
  const std::int64_t n = batch * image_values(grid);
  if (n == 0) return;
  scatter_patches_kernel<<<blocks_for(n), threads, 0, stream>>>(patches, slots, x, n, shown, fill, grid);
}

}  // namespace assay
