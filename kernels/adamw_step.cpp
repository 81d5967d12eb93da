#include "kernels/adamw_step.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/csrc/autograd/autograd_not_implemented_fallback.h>
#include <torch/library.h>

#include <cmath>

#include "kernels/adamw_step_math.h"
#include "kernels/parallel_for.h"

namespace assay {
namespace {

using OptionalTensor = std::optional<at::Tensor>;

void adamw_step_cpu(const at::Tensor& parameters, const at::Tensor& gradients, const at::Tensor& first,
                    const at::Tensor& second, const OptionalTensor& ema, double learning_rate, double beta1,
                    double beta2, double epsilon, double weight_decay, std::int64_t step, double grad_scale,
                    double ema_decay) {
  const AdamWFactors f = adamw_factors(learning_rate, beta1, beta2, epsilon, weight_decay, step, grad_scale, ema_decay);
  float* __restrict__ p = parameters.mutable_data_ptr<float>();
  const float* __restrict__ g = gradients.const_data_ptr<float>();
  float* __restrict__ m = first.mutable_data_ptr<float>();
  float* __restrict__ v = second.mutable_data_ptr<float>();
  float* __restrict__ average = ema.has_value() ? ema->mutable_data_ptr<float>() : nullptr;
  // No two of these arrays overlap, which g++ asks to be told once more for each loop.
  at::parallel_for(0, parameters.numel(), 1 << 15, [=](std::int64_t begin, std::int64_t end) {
    const AdamWFactors local = f;  // on the stack: the stores cannot change it
    if (average) {
#ifndef __clang__
#pragma GCC ivdep
#endif
      for (std::int64_t i = begin; i < end; ++i) {
        p[i] = adamw_value(p[i], g[i], m[i], v[i], local);
        average[i] = ema_value(average[i], p[i], local);
      }
    } else {
#ifndef __clang__
#pragma GCC ivdep
#endif
      for (std::int64_t i = begin; i < end; ++i) p[i] = adamw_value(p[i], g[i], m[i], v[i], local);
    }
  });
}

void check_buffer(const at::Tensor& parameters, const at::Tensor& other, const char* name) {
  TORCH_CHECK(other.dim() == 1 && other.sizes() == parameters.sizes(), "adamw_step: parameters is ", parameters.sizes(),
              ", ", name, " is ", other.sizes(), "; flat buffers of one length are needed");
  TORCH_CHECK(other.scalar_type() == at::kFloat, "adamw_step: ", name, " needs float32, got ", other.scalar_type());
  TORCH_CHECK(other.device() == parameters.device(), "adamw_step: parameters is on ", parameters.device(), ", ", name,
              " on ", other.device());
  TORCH_CHECK(other.is_contiguous(), "adamw_step: ", name, " must be contiguous");
}

}  // namespace

void adamw_step(const at::Tensor& parameters, const at::Tensor& gradients, const at::Tensor& first,
                const at::Tensor& second, const OptionalTensor& ema, const AdamWStep& s) {
  check_buffer(parameters, parameters, "parameters");
  check_buffer(parameters, gradients, "gradients");
  check_buffer(parameters, first, "first");
  check_buffer(parameters, second, "second");
  if (ema.has_value()) check_buffer(parameters, *ema, "ema");
  TORCH_CHECK(s.step >= 1, "adamw_step: step counts from 1, got ", s.step);
  TORCH_CHECK(s.beta1 >= 0.0 && s.beta1 < 1.0, "adamw_step: beta1 must lie in [0, 1), got ", s.beta1);
  TORCH_CHECK(s.beta2 >= 0.0 && s.beta2 < 1.0, "adamw_step: beta2 must lie in [0, 1), got ", s.beta2);
  TORCH_CHECK(s.epsilon >= 0.0, "adamw_step: epsilon must be at least 0, got ", s.epsilon);
  TORCH_CHECK(s.ema_decay >= 0.0 && s.ema_decay <= 1.0, "adamw_step: ema_decay must lie in [0, 1], got ", s.ema_decay);
  static const auto op =
      c10::Dispatcher::singleton()
          .findSchemaOrThrow("assay::adamw_step", "")
          .typed<void(const at::Tensor&, const at::Tensor&, const at::Tensor&, const at::Tensor&, const OptionalTensor&,
                      double, double, double, double, double, std::int64_t, double, double)>();
  op.call(parameters, gradients, first, second, ema, s.learning_rate, s.beta1, s.beta2, s.epsilon, s.weight_decay,
          s.step, s.grad_scale, s.ema_decay);
}

TORCH_LIBRARY_FRAGMENT(assay, m) {
  m.def(
      "adamw_step(Tensor(a!) parameters, Tensor gradients, Tensor(b!) first, Tensor(c!) second, Tensor(d!)? ema, "
      "float learning_rate, float beta1, float beta2, float epsilon, float weight_decay, int step, float grad_scale, "
      "float ema_decay) -> ()");
}
TORCH_LIBRARY_IMPL(assay, CPU, m) { m.impl("adamw_step", adamw_step_cpu); }
TORCH_LIBRARY_IMPL(assay, Autograd, m) { m.impl("adamw_step", torch::autograd::autogradNotImplementedFallback()); }

}  // namespace assay
