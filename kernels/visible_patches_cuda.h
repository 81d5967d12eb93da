#pragma once
#include <cuda_runtime_api.h>

#include <cstdint>

#include "kernels/visible_patches_math.h"

namespace assay {

/// `patches` [batch, shown, patch_values] from `x` [batch, channels, height, width]; `visible` [batch, shown] or null
/// for all. Arrays lie on the stream's device.
void launch_gather_patches(const float* x, const std::int64_t* visible, float* patches, std::int64_t batch,
                           std::int64_t shown, const PatchGrid& grid, cudaStream_t stream);

/// The other way; `slots` [batch, grid_patches] says where a patch stands, -1 for hidden ones, which become `fill`.
/// Null: all are there, in order.
void launch_scatter_patches(const float* patches, const std::int64_t* slots, float* x, std::int64_t batch,
                            std::int64_t shown, float fill, const PatchGrid& grid, cudaStream_t stream);

}  // namespace assay
