#include "kernels/moments_cuda.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/zeros.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <torch/library.h>

#include <tuple>

namespace assay {
namespace {

std::tuple<at::Tensor, at::Tensor> moments_cuda(const at::Tensor& rows) {
  const c10::cuda::CUDAGuard on_device(rows.device());
  const std::int64_t width = rows.size(1);
  at::Tensor sum = at::zeros({width}, rows.options().dtype(at::kDouble));
  at::Tensor outer = at::zeros({width, width}, rows.options().dtype(at::kDouble));
  launch_moments(rows.const_data_ptr<float>(), rows.size(0), width, sum.mutable_data_ptr<double>(),
                 outer.mutable_data_ptr<double>(), c10::cuda::getCurrentCUDAStream());
  C10_CUDA_KERNEL_LAUNCH_CHECK();
  return {sum, outer};
}

}  // namespace

TORCH_LIBRARY_IMPL(assay, CUDA, m) { m.impl("moments", moments_cuda); }

}  // namespace assay
