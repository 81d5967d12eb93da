#include "kernels/guided_ddim_step.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/empty_like.h>
#include <torch/csrc/autograd/autograd_not_implemented_fallback.h>
#include <torch/library.h>

#include <cmath>

#include "kernels/guided_ddim_step_math.h"
#include "kernels/parallel_for.h"

namespace assay {
namespace {

using OptionalTensor = std::optional<at::Tensor>;

const float* data_or_null(const OptionalTensor& tensor) {
  return tensor.has_value() ? tensor->const_data_ptr<float>() : nullptr;
}

at::Tensor guided_ddim_step_cpu(const at::Tensor& x, const at::Tensor& eps_uncond, const OptionalTensor& eps_cond,
                                const OptionalTensor& noise, double weight, double alpha_bar, double alpha_bar_prev,
                                double sigma, bool clip, bool rederive_eps) {
  const DdimStepFactors f = step_factors(weight, alpha_bar, alpha_bar_prev, sigma, clip, rederive_eps);
  at::Tensor out = at::empty_like(x);
  const float* __restrict__ px = x.const_data_ptr<float>();
  const float* __restrict__ pu = eps_uncond.const_data_ptr<float>();
  const float* __restrict__ pc = data_or_null(eps_cond);
  const float* __restrict__ pn = data_or_null(noise);
  float* __restrict__ po = out.mutable_data_ptr<float>();
  at::parallel_for(0, out.numel(), 1 << 15, [=](std::int64_t begin, std::int64_t end) {
    const DdimStepFactors local = f;  // on the stack: the stores cannot change it, so its flags leave the loop
    if (pc) {
      for (std::int64_t i = begin; i < end; ++i) po[i] = ddim_value(px[i], guided_eps(pu[i], pc[i], local), local);
    } else {
      for (std::int64_t i = begin; i < end; ++i) po[i] = ddim_value(px[i], pu[i], local);
    }
    if (pn) {
      for (std::int64_t i = begin; i < end; ++i) po[i] = fmaf(local.noise, pn[i], po[i]);
    }
  });
  return out;
}

void check_like(const at::Tensor& x, const at::Tensor& other, const char* name) {
  TORCH_CHECK(other.sizes() == x.sizes(), "guided_ddim_step: x is ", x.sizes(), ", ", name, " is ", other.sizes());
  TORCH_CHECK(other.scalar_type() == at::kFloat, "guided_ddim_step: ", name, " needs float32, got ",
              other.scalar_type());
  TORCH_CHECK(other.device() == x.device(), "guided_ddim_step: x is on ", x.device(), ", ", name, " on ",
              other.device());
}

}  // namespace

at::Tensor guided_ddim_step(const at::Tensor& x, const at::Tensor& eps_uncond, const OptionalTensor& eps_cond,
                            double weight, const DdimCoefficients& c, const OptionalTensor& noise) {
  TORCH_CHECK(x.scalar_type() == at::kFloat, "guided_ddim_step: x needs float32, got ", x.scalar_type());
  TORCH_CHECK(c.alpha_bar > 0.0 && c.alpha_bar <= 1.0, "guided_ddim_step: alpha_bar must lie in (0, 1], got ",
              c.alpha_bar);
  TORCH_CHECK(c.alpha_bar_prev > 0.0 && c.alpha_bar_prev <= 1.0,
              "guided_ddim_step: alpha_bar_prev must lie in (0, 1], got ", c.alpha_bar_prev);
  // The slack is the rounding of sigma^2 = 1 - alpha_bar_prev worked out by a caller.
  TORCH_CHECK(c.sigma >= 0.0 && c.sigma * c.sigma <= 1.0 - c.alpha_bar_prev + 1e-12,
              "guided_ddim_step: sigma must lie in [0, sqrt(1 - alpha_bar_prev)], got ", c.sigma,
              " with alpha_bar_prev ", c.alpha_bar_prev);
  TORCH_CHECK(!c.rederive_eps || c.alpha_bar < 1.0, "guided_ddim_step: eps cannot be recomputed at alpha_bar 1");
  check_like(x, eps_uncond, "eps_uncond");
  if (eps_cond.has_value()) {
    check_like(x, *eps_cond, "eps_cond");
    TORCH_CHECK(std::isfinite(weight), "guided_ddim_step: weight must be finite, got ", weight);
  }
  TORCH_CHECK(c.sigma == 0.0 || noise.has_value(), "guided_ddim_step: sigma is ", c.sigma, " but there is no noise");
  if (c.sigma > 0.0) check_like(x, *noise, "noise");

  // At weight 0 and 1 one prediction is the answer; blending would add 0 * the other, which is not exact when the
  // other is infinite, or for the sign of zero.
  at::Tensor eps = eps_uncond;
  OptionalTensor blended;
  if (eps_cond.has_value() && weight == 1.0) {
    eps = *eps_cond;
  } else if (eps_cond.has_value() && weight != 0.0) {
    blended = eps_cond->contiguous();
  }
  OptionalTensor added;
  if (c.sigma > 0.0) added = noise->contiguous();

  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("assay::guided_ddim_step", "")
                             .typed<at::Tensor(const at::Tensor&, const at::Tensor&, const OptionalTensor&,
                                               const OptionalTensor&, double, double, double, double, bool, bool)>();
  return op.call(x.contiguous(), eps.contiguous(), blended, added, weight, c.alpha_bar, c.alpha_bar_prev, c.sigma,
                 c.clip, c.rederive_eps);
}

TORCH_LIBRARY_FRAGMENT(assay, m) {
  m.def(
      "guided_ddim_step(Tensor x, Tensor eps_uncond, Tensor? eps_cond, Tensor? noise, float weight, float alpha_bar, "
      "float alpha_bar_prev, float sigma, bool clip, bool rederive_eps) -> Tensor");
}
TORCH_LIBRARY_IMPL(assay, CPU, m) { m.impl("guided_ddim_step", guided_ddim_step_cpu); }
TORCH_LIBRARY_IMPL(assay, Autograd, m) {
  m.impl("guided_ddim_step", torch::autograd::autogradNotImplementedFallback());
}

}  // namespace assay
