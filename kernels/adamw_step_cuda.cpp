#include "kernels/adamw_step_cuda.h"

#include <ATen/core/Tensor.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <torch/library.h>

#include <optional>

namespace assay {
namespace {

using OptionalTensor = std::optional<at::Tensor>;

void adamw_step_cuda(const at::Tensor& parameters, const at::Tensor& gradients, const at::Tensor& first,
                     const at::Tensor& second, const OptionalTensor& ema, double learning_rate, double beta1,
                     double beta2, double epsilon, double weight_decay, std::int64_t step, double grad_scale,
                     double ema_decay) {
  const c10::cuda::CUDAGuard on_device(parameters.device());
  launch_adamw_step(parameters.mutable_data_ptr<float>(), gradients.const_data_ptr<float>(),
                    first.mutable_data_ptr<float>(), second.mutable_data_ptr<float>(),
                    ema.has_value() ? ema->mutable_data_ptr<float>() : nullptr, parameters.numel(),
                    adamw_factors(learning_rate, beta1, beta2, epsilon, weight_decay, step, grad_scale, ema_decay),
                    c10::cuda::getCurrentCUDAStream());
  C10_CUDA_KERNEL_LAUNCH_CHECK();
}

}  // namespace

TORCH_LIBRARY_IMPL(assay, CUDA, m) { m.impl("adamw_step", adamw_step_cuda); }

}  // namespace assay
