#include "diffusion/sampling/adm_sampler.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <fmt/format.h>

#include <cmath>

#include "core/error.h"
#include "core/interrupt.h"
#include "kernels/guided_ddim_step.h"

namespace assay {
namespace {

void check(const GaussianProcess& process, const Denoiser& denoiser, const AdmSampling& sampling, bool unconditional) {
  if (process.learned_variance() != denoiser.learned_variance())
    throw InputError(fmt::format("ADM sampler: the process {} a learned variance, the network {}",
                                 process.learned_variance() ? "expects" : "does not expect",
                                 denoiser.learned_variance() ? "predicts one" : "does not predict one"));
  if (!(sampling.eta >= 0 && sampling.eta <= 1))
    throw InputError(fmt::format("ADM sampler: eta {}; accepted: 0 to 1", sampling.eta));
  if (!std::isfinite(sampling.weight))
    throw InputError(fmt::format("ADM sampler: guidance weight w = {} is not a finite number", sampling.weight));
  if (unconditional && !denoiser.has_null_condition())
    throw InputError(
        "ADM sampler: this class-conditional network has no null condition; give every sample a class and w = 1");
}

}  // namespace

at::Tensor adm_sample(const GaussianProcess& process, const Denoiser& denoiser, const AdmSampling& sampling,
                      at::Tensor x, const Condition& condition, ScoreGuidance* guidance, const StepNoise& noise,
                      const StepObserver& observer) {
  at::NoGradGuard no_grad;
  const bool conditional = condition.defined() && sampling.weight != 0.0;
  const bool both = conditional && sampling.weight != 1.0;
  check(process, denoiser, sampling, both || !conditional);
  const bool ddim = sampling.kind == AdmSampling::Kind::ddim;
  // The fused step takes eps and float32.
  const bool fused = ddim && !guidance && process.options().mean == MeanType::epsilon && x.scalar_type() == at::kFloat;

  for (std::int64_t index = process.steps() - 1, step = 0; index >= 0; --index, ++step) {
    stop_if_interrupted();
    const at::Tensor t = at::full({x.size(0)}, index, x.options().dtype(at::kLong));
    const at::Tensor times = process.model_timesteps(t);
    at::Tensor z;
    const double sigma = ddim ? process.ddim_sigma(index, sampling.eta) : 1.0;
    if (index > 0 && sigma > 0) {
      if (!noise) throw Error(fmt::format("ADM sampler: step {} adds noise, but none is given", step));
      z = noise(step);
    }
    const at::Tensor with = conditional ? denoiser.predict(x, times, condition) : at::Tensor();
    const at::Tensor without = both || !conditional ? denoiser.predict(x, times, {}) : at::Tensor();

    if (fused) {
      const auto i = static_cast<std::size_t>(index);
      const DdimCoefficients coefficients{process.tables().alphas_cumprod[i], process.tables().alphas_cumprod_prev[i],
                                          sigma, sampling.clip, true};
      const auto eps = [&](const at::Tensor& output) { return output.narrow(1, 0, x.size(1)); };
      const std::optional<at::Tensor> added = z.defined() ? std::optional(z) : std::nullopt;
      x = both ? guided_ddim_step(x, eps(without), eps(with), sampling.weight, coefficients, added)
               : guided_ddim_step(x, eps(conditional ? with : without), std::nullopt, 0.0, coefficients, added);
    } else {
      at::Tensor output = conditional ? with : without;
      if (both) {
        const at::Tensor mixed =
            (1 - sampling.weight) * without.narrow(1, 0, x.size(1)) + sampling.weight * with.narrow(1, 0, x.size(1));
        output = process.learned_variance() ? at::cat({mixed, with.narrow(1, x.size(1), x.size(1))}, 1) : mixed;
      }
      PredictedStep p = process.p_mean_variance(output, x, t, sampling.clip);
      if (guidance) {
        const at::Tensor gradient = guidance->gradient(x, times);
        p = ddim ? process.condition_score(p, x, t, gradient) : process.condition_mean(p, gradient);
      }
      if (ddim)
        x = process.ddim_sample(p, x, t, z.defined() ? sampling.eta : 0.0, z);
      else
        x = z.defined() ? process.p_sample(p, t, z) : p.mean;
    }
    if (observer) observer(step, x);
  }
  return x;
}

}  // namespace assay
