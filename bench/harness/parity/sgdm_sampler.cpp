#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "bench/harness/parity/modules.h"
#include "bench/harness/parity/toy_denoiser.h"
#include "diffusion/ddim.h"
#include "diffusion/dynamic_threshold.h"
#include "diffusion/plms.h"
#include "reproductions/images.h"

namespace assay::parity {
namespace {

template <class Value>
at::Tensor column(std::size_t size, Value&& value) {
  at::Tensor out = at::empty({static_cast<std::int64_t>(size)}, at::kDouble);
  for (std::size_t i = 0; i < size; ++i) out.mutable_data_ptr<double>()[i] = value(i);
  return out;
}

NoiseSchedule schedule_of(const nlohmann::json& config, const std::string& name) {
  const std::int64_t steps = config.value("num_timesteps", 1000);
  if (name == "cosine") return make_noise_schedule("cosine", steps);
  // Its "linear" is linear in sqrt(beta).
  if (name == "linear")
    return make_noise_schedule("sqrt-linear", steps,
                               {config.value("linear_start", 1e-4), config.value("linear_end", 2e-2)});
  throw InputError(fmt::format("beta_schedule '{}' is not known; accepted: linear, cosine", name));
}

Outputs tables(const NoiseSchedule& s) {
  const auto of = [&](auto&& value) { return column(s.beta.size(), value); };
  const auto a = [&](std::size_t t) { return s.alpha_bar[t]; };
  const auto previous = [&](std::size_t t) { return t > 0 ? s.alpha_bar[t - 1] : 1.0; };
  const auto variance = [&](std::size_t t) {
    const double sigma = ancestral_step(s, static_cast<std::int64_t>(t)).sigma;
    return sigma * sigma;
  };
  return {{"betas", of([&](std::size_t t) { return s.beta[t]; })},
          {"alphas_cumprod", of(a)},
          {"alphas_cumprod_prev", of(previous)},
          {"sqrt_alphas_cumprod", of([&](std::size_t t) { return std::sqrt(a(t)); })},
          {"sqrt_one_minus_alphas_cumprod", of([&](std::size_t t) { return std::sqrt(1 - a(t)); })},
          {"sqrt_recip_alphas_cumprod", of([&](std::size_t t) { return std::sqrt(1 / a(t)); })},
          {"sqrt_recipm1_alphas_cumprod", of([&](std::size_t t) { return std::sqrt(1 / a(t) - 1); })},
          {"posterior_variance", of(variance)},
          {"posterior_log_variance_clipped", of([&](std::size_t t) { return std::log(std::max(variance(t), 1e-20)); })},
          {"posterior_mean_coef1", of([&](std::size_t t) { return s.beta[t] * std::sqrt(previous(t)) / (1 - a(t)); })},
          {"posterior_mean_coef2",
           of([&](std::size_t t) { return (1 - previous(t)) * std::sqrt(1 - s.beta[t]) / (1 - a(t)); })}};
}

Outputs p_sample(const Case& c, const NoiseSchedule& s, const ToyDenoiser& network) {
  const at::Tensor x = c.tensor("x"), t = c.tensor("t"), noise = c.tensor("noise");
  DdimOptions clipped;
  clipped.variant = DdimVariant::adm;
  std::vector<at::Tensor> samples, unclipped;
  for (std::int64_t i = 0; i < x.size(0); ++i) {
    const DdimStep step = ancestral_step(s, t.const_data_ptr<std::int64_t>()[i]);
    const at::Tensor row = x.narrow(0, i, 1), eps = network(row, static_cast<double>(step.timestep));
    samples.push_back(ddim_step(row, eps, step, clipped, noise.narrow(0, i, 1)));
    unclipped.push_back((row - std::sqrt(1 - step.alpha_bar) * eps) / std::sqrt(step.alpha_bar));
  }
  const at::Tensor x0 = at::cat(unclipped);
  return {{"sample", at::cat(samples)}, {"pred_x0", x0.clamp(-1, 1)}, {"pred_x0_unclipped", x0}};
}

Outputs ddim_parameters(const Case& c, const NoiseSchedule& s) {
  std::vector<DdimStep> steps = ddim_steps(s, DdimVariant::sgdm, c.integer("steps"), c.number("eta"));
  std::reverse(steps.begin(), steps.end());
  const auto of = [&](auto&& value) { return column(steps.size(), value); };
  return {{"timesteps", of([&](std::size_t i) { return static_cast<double>(steps[i].timestep); })},
          {"sigmas", of([&](std::size_t i) { return steps[i].sigma; })},
          {"alphas", of([&](std::size_t i) { return steps[i].alpha_bar; })},
          {"alphas_prev", of([&](std::size_t i) { return steps[i].alpha_bar_previous; })}};
}

Outputs chain(const Case& c, const NoiseSchedule& s, const ToyDenoiser& network) {
  DdimOptions options;
  options.steps = c.integer("steps");
  options.eta = c.number("eta");
  if (c.has("dtp")) options.threshold_quantile = c.number("dtp");
  const std::string sampler = c.text("sampler");
  if (sampler == "plms") return {{"sample", plms_sample(network, s, options, c.tensor("x_T"), {})}};
  if (sampler != "ddim") throw InputError(fmt::format("sampler '{}' is not known; accepted: ddim, plms", sampler));
  const at::Tensor noise = c.tensor_or_undefined("step_noise");
  return {{"sample", ddim_sample(network, s, options, c.tensor("x_T"), {},
                                 [&](std::int64_t i) { return noise[i].contiguous(); })}};
}

}  // namespace

/// Schedules and sampling of Self-Guided Diffusion's code, on a toy network.
Module sgdm_sampler(nlohmann::json config, const SafetensorsFile* /*state*/) {
  const ToyDenoiser network(config.value("toy_model", nlohmann::json::object()));
  const std::string own = config.value("beta_schedule", "linear");
  return [config, network, own](const Case& c) -> Outputs {
    const NoiseSchedule schedule = schedule_of(config, c.has("beta_schedule") ? c.text("beta_schedule") : own);
    if (c.call() == "tables") return tables(schedule);
    if (c.call() == "q_sample") {
      const at::Tensor x0 = c.tensor("x_start"), t = c.tensor("t");
      const at::Tensor a =
          column(static_cast<std::size_t>(t.numel()), [&](std::size_t i) {
            return schedule.alpha_bar.at(static_cast<std::size_t>(t.const_data_ptr<std::int64_t>()[i]));
          }).view({-1, 1, 1, 1});
      return {{"x_t", a.sqrt() * x0 + (1 - a).sqrt() * c.tensor("noise")}};
    }
    if (c.call() == "ddim_parameters") return ddim_parameters(c, schedule);
    if (c.call() == "p_sample") return p_sample(c, schedule, network);
    if (c.call() == "ddim_sample") return chain(c, schedule, network);
    if (c.call() == "to_uint8") return {{"uint8", to_bytes(c.tensor("x"))}};
    if (c.call() == "dynamic_threshold") return {{"x0", dynamic_threshold(c.tensor("x"), c.number("dtp"))}};
    throw unknown_call(c, "tables, q_sample, ddim_parameters, p_sample, ddim_sample, to_uint8, dynamic_threshold");
  };
}

}  // namespace assay::parity
