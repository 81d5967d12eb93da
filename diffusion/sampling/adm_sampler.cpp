#include "diffusion/sampling/adm_sampler.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <fmt/format.h>

#include <optional>
#include <utility>

#include "core/error.h"
#include "core/interrupt.h"
#include "kernels/guided_ddim_step.h"

namespace assay {

AdmSampler::AdmSampler(GaussianProcess process, const AdmSampling& sampling)
    : process_(std::move(process)), sampling_(sampling) {
  if (!(sampling.eta >= 0 && sampling.eta <= 1))
    throw InputError(fmt::format("ADM sampler: eta {}; accepted: 0 to 1", sampling.eta));
}

at::Tensor AdmSampler::sample(const Denoiser& denoiser, Guidance& guidance, at::Tensor x, const StepNoise& noise,
                              const StepObserver& observer) const {
  if (process_.learned_variance() != denoiser.learned_variance())
    throw InputError(fmt::format("ADM sampler: the process {} a learned variance, the network {}",
                                 process_.learned_variance() ? "expects" : "does not expect",
                                 denoiser.learned_variance() ? "predicts one" : "does not predict one"));
  if (denoiser.prediction() != Prediction::epsilon)
    throw InputError(fmt::format("ADM sampler: a network that predicts {}; accepted: epsilon",
                                 name_of(denoiser.prediction(), prediction_names)));
  const at::NoGradGuard no_grad;
  const bool ddim = sampling_.kind == AdmSampling::Kind::ddim;
  // The step in one pass takes eps and float32.
  const bool fuses = ddim && process_.options().mean == MeanType::epsilon && x.scalar_type() == at::kFloat;

  for (std::int64_t index = steps() - 1, step = 0; index >= 0; --index, ++step) {
    stop_if_interrupted();
    const auto i = static_cast<std::size_t>(index);
    const at::Tensor t = at::full({x.size(0)}, index, x.options().dtype(at::kLong));
    const SamplingPoint point{x, process_.model_timesteps(t), process_.tables().alphas_cumprod[i]};
    const bool noisy = index > 0 && (!ddim || process_.ddim_sigma(index, sampling_.eta) > 0);
    const at::Tensor z = noisy ? noise_of_step(noise, step, "ADM") : at::Tensor();
    const Branches branches = guidance.predict(denoiser, point);
    const at::Tensor term = guidance.gradient(point);
    x = fuses && !term.defined() ? ddim_in_one_pass(branches.eps(x.size(1)), x, i, z)
                                 : by_the_process(branches, term, x, t, z);
    if (observer) observer(step, x);
  }
  return x;
}

at::Tensor AdmSampler::ddim_in_one_pass(const Branches& eps, const at::Tensor& x, std::size_t index,
                                        const at::Tensor& z) const {
  const ProcessTables& tables = process_.tables();
  const DdimCoefficients coefficients{tables.alphas_cumprod[index], tables.alphas_cumprod_prev[index],
                                      process_.ddim_sigma(static_cast<std::int64_t>(index), sampling_.eta),
                                      sampling_.clip, true};
  const std::optional<at::Tensor> added = z.defined() ? std::optional(z) : std::nullopt;
  return eps.both() ? guided_ddim_step(x, eps.without, eps.with, eps.weight, coefficients, added)
                    : guided_ddim_step(x, eps.leading(), std::nullopt, 0.0, coefficients, added);
}

at::Tensor AdmSampler::by_the_process(const Branches& branches, const at::Tensor& term, const at::Tensor& x,
                                      const at::Tensor& t, const at::Tensor& z) const {
  const std::int64_t channels = x.size(1);
  at::Tensor output = branches.leading();
  if (branches.both()) {
    const at::Tensor mixed = branches.eps(channels).mixed();
    output = process_.learned_variance() ? at::cat({mixed, branches.with.narrow(1, channels, channels)}, 1) : mixed;
  }
  const bool ddim = sampling_.kind == AdmSampling::Kind::ddim;
  PredictedStep p = process_.p_mean_variance(output, x, t, sampling_.clip);
  if (term.defined()) p = ddim ? process_.condition_score(p, x, t, term) : process_.condition_mean(p, term);
  if (ddim) return process_.ddim_sample(p, x, t, z.defined() ? sampling_.eta : 0.0, z);
  return z.defined() ? process_.p_sample(p, t, z) : p.mean;
}

}  // namespace assay
