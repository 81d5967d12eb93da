#include "kernels/visible_patches_cuda.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <torch/library.h>

#include <optional>

#include "kernels/visible_index.h"

namespace assay {
namespace {

using OptionalTensor = std::optional<at::Tensor>;

at::Tensor gather_patches_cuda(const at::Tensor& x, const OptionalTensor& visible, std::int64_t patch,
                               bool channel_last) {
  const c10::cuda::CUDAGuard on_device(x.device());
  const PatchGrid grid{x.size(1), x.size(2), x.size(3), patch, channel_last};
  const std::int64_t shown = visible.has_value() ? visible->size(1) : grid_patches(grid);
  at::Tensor out = at::empty({x.size(0), shown, patch_values(grid)}, x.options());
  launch_gather_patches(x.const_data_ptr<float>(),
                        visible.has_value() ? visible->const_data_ptr<std::int64_t>() : nullptr,
                        out.mutable_data_ptr<float>(), x.size(0), shown, grid, c10::cuda::getCurrentCUDAStream());
  C10_CUDA_KERNEL_LAUNCH_CHECK();
  return out;
}

at::Tensor scatter_patches_cuda(const at::Tensor& patches, const OptionalTensor& visible, std::int64_t channels,
                                std::int64_t height, std::int64_t width, std::int64_t patch, bool channel_last,
                                double fill) {
  const c10::cuda::CUDAGuard on_device(patches.device());
  const PatchGrid grid{channels, height, width, patch, channel_last};
  at::Tensor out = at::empty({patches.size(0), channels, height, width}, patches.options());
  // One thread a pixel looks up where its patch stands: every pixel is written once, filled or not.
  const at::Tensor slots = visible.has_value() ? visible_slots(*visible, grid_patches(grid)) : at::Tensor();
  launch_scatter_patches(patches.const_data_ptr<float>(),
                         slots.defined() ? slots.const_data_ptr<std::int64_t>() : nullptr,
                         out.mutable_data_ptr<float>(), patches.size(0), patches.size(1), static_cast<float>(fill),
                         grid, c10::cuda::getCurrentCUDAStream());
  C10_CUDA_KERNEL_LAUNCH_CHECK();
  return out;
}

}  // namespace

TORCH_LIBRARY_IMPL(assay, CUDA, m) {
  m.impl("gather_patches", gather_patches_cuda);
  m.impl("scatter_patches", scatter_patches_cuda);
}

}  // namespace assay
