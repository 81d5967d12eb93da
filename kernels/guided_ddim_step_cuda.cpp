#include "kernels/guided_ddim_step_cuda.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty_like.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <torch/library.h>

#include <optional>

namespace assay {
namespace {

using OptionalTensor = std::optional<at::Tensor>;

at::Tensor guided_ddim_step_cuda(const at::Tensor& x, const at::Tensor& eps_uncond, const OptionalTensor& eps_cond,
                                 const OptionalTensor& noise, double weight, double alpha_bar, double alpha_bar_prev,
                                 double sigma, bool clip, bool rederive_eps) {
  const c10::cuda::CUDAGuard on_device(x.device());
  at::Tensor out = at::empty_like(x);
  launch_guided_ddim_step(x.const_data_ptr<float>(), eps_uncond.const_data_ptr<float>(),
                          eps_cond.has_value() ? eps_cond->const_data_ptr<float>() : nullptr,
                          noise.has_value() ? noise->const_data_ptr<float>() : nullptr, out.mutable_data_ptr<float>(),
                          out.numel(), step_factors(weight, alpha_bar, alpha_bar_prev, sigma, clip, rederive_eps),
                          c10::cuda::getCurrentCUDAStream());
  C10_CUDA_KERNEL_LAUNCH_CHECK();
  return out;
}

}  // namespace

TORCH_LIBRARY_IMPL(assay, CUDA, m) { m.impl("guided_ddim_step", guided_ddim_step_cuda); }

}  // namespace assay
