#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros_like.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "bench/parity/modules.h"
#include "bench/parity/toy_denoiser.h"
#include "core/config.h"
#include "core/nearest.h"
#include "diffusion/guidance/classifier_free.h"
#include "diffusion/process/dynamic_threshold.h"
#include "diffusion/sampling/ddim.h"
#include "diffusion/sampling/plms.h"
#include "reproductions/samples/image_tensors.h"

namespace assay::parity {
namespace {

template <class Value>
at::Tensor column(std::size_t size, Value&& value) {
  at::Tensor out = at::empty({static_cast<std::int64_t>(size)}, at::kDouble);
  for (std::size_t i = 0; i < size; ++i) out.mutable_data_ptr<double>()[i] = value(i);
  return out;
}

/// Arguments of the official model (config/model/ddpm.yaml) that decide a number here.
struct Model {
  std::string beta_schedule = "linear";
  std::int64_t num_timesteps = 1000;
  double linear_start = 1e-4, linear_end = 2e-2, cosine_s = 8e-3;
  std::vector<double> given_betas;  // not empty: in place of a schedule
  double v_posterior = 0.0;         // share of beta in the variance of p(x_{t-1} | x_t)
  bool predicts_x0 = false;         // "parameterization"
  bool clip_denoised = true;
};

void refuse_unknown_schedule(const std::string& name) {
  const std::vector<std::string> names = {"linear", "cosine", "sqrt_linear", "sqrt"};
  if (std::find(names.begin(), names.end(), name) == names.end())
    throw InputError(unknown_name_message("beta_schedule", name, names));
}

bool reads_x0(const std::string& parameterization) {
  if (parameterization == "eps" || parameterization == "x0") return parameterization == "x0";
  throw InputError(unknown_name_message("parameterization", parameterization, {"eps", "x0"}));
}

Model read_model(const nlohmann::json& config) {
  // The official file says null for betas that are not given.
  nlohmann::json given = config;
  if (given.contains("given_betas") && given.at("given_betas").is_null()) given.erase("given_betas");
  ConfigReader reader(given, "config");
  Model m;
  m.beta_schedule = reader.text("beta_schedule", m.beta_schedule);
  refuse_unknown_schedule(m.beta_schedule);
  m.num_timesteps = reader.integer("num_timesteps", m.num_timesteps, 1, 1'000'000);
  m.linear_start = reader.real("linear_start", m.linear_start, 0, 1);
  m.linear_end = reader.real("linear_end", m.linear_end, 0, 1);
  m.cosine_s = reader.real("cosine_s", m.cosine_s, 0, 1);
  m.given_betas = reader.reals("given_betas", {}, 0, 1);
  m.v_posterior = reader.real("v_posterior", m.v_posterior, 0, 1);
  m.predicts_x0 = reads_x0(reader.text("parameterization", "eps"));
  m.clip_denoised = reader.boolean("clip_denoised", m.clip_denoised);
  // Of the same file, and without a part in what is computed here.
  for (const char* key :
       {"toy_model", "device", "log_num_per_prog", "logvar_init", "learn_logvar", "loss_type", "sampling", "log_dir",
        "exp", "tero_noise_sampling", "tero_loss_weighting", "sampling_imagelogger", "num_timesteps_imagelogger",
        "sampling_val", "num_timesteps_val", "sampling_test", "num_timesteps_test"})
    reader.allow(key);
  reader.finish();
  return m;
}

/// The official make_beta_schedule, in double. Its "linear" is linear in sqrt(beta), and its "sqrt_linear" in beta.
std::vector<double> betas_of(const Model& m) {
  if (!m.given_betas.empty()) return m.given_betas;
  const auto steps = static_cast<double>(m.num_timesteps);
  const auto cosine = [&](double t) {
    const double c = std::cos((t / steps + m.cosine_s) / (1 + m.cosine_s) * std::numbers::pi / 2);
    return c * c;
  };
  std::vector<double> betas;
  for (std::int64_t i = 0; i < m.num_timesteps; ++i) {
    const auto t = static_cast<double>(i);
    const double share = m.num_timesteps > 1 ? t / (steps - 1) : 0.0;
    const auto between = [&](double first, double last) { return first + (last - first) * share; };
    const double line = between(m.linear_start, m.linear_end),
                 root = between(std::sqrt(m.linear_start), std::sqrt(m.linear_end));
    betas.push_back(m.beta_schedule == "linear"        ? root * root
                    : m.beta_schedule == "sqrt_linear" ? line
                    : m.beta_schedule == "sqrt"        ? std::sqrt(line)
                                                       : std::clamp(1 - cosine(t + 1) / cosine(t), 0.0, 0.999));
  }
  return betas;
}

NoiseSchedule schedule_of(const Model& m) {
  NoiseSchedule schedule{m.beta_schedule, betas_of(m), {}};
  if (schedule.steps() != m.num_timesteps)
    throw InputError(fmt::format("given_betas has {} values; expected one for each of the {} steps", schedule.steps(),
                                 m.num_timesteps));
  double alpha_bar = 1.0;
  for (const double beta : schedule.beta) schedule.alpha_bar.push_back(alpha_bar *= 1 - beta);
  return schedule;
}

/// Variance of p(x_{t-1} | x_t), [T].
std::vector<double> variances(const Model& m, const NoiseSchedule& s) {
  std::vector<double> out;
  for (std::int64_t t = 0; t < s.steps(); ++t) {
    const double sigma = ancestral_step(s, t).sigma;
    out.push_back((1 - m.v_posterior) * sigma * sigma + m.v_posterior * s.beta[static_cast<std::size_t>(t)]);
  }
  return out;
}

Outputs tables(const Model& m, const NoiseSchedule& s) {
  const std::vector<double> variance = variances(m, s);
  const auto of = [&](auto&& value) { return column(s.beta.size(), value); };
  const auto a = [&](std::size_t t) { return s.alpha_bar[t]; };
  const auto previous = [&](std::size_t t) { return t > 0 ? s.alpha_bar[t - 1] : 1.0; };
  // The first weight would divide by a variance of 0, and is that of the second step. With x0 the official divisor is
  // 2 - alpha_bar.
  const auto bound_weight = [&](std::size_t t) {
    if (t == 0 && s.beta.size() > 1) t = 1;
    return m.predicts_x0 ? 0.5 * std::sqrt(a(t)) / (2 - a(t))
                         : s.beta[t] * s.beta[t] / (2 * variance[t] * (1 - s.beta[t]) * (1 - a(t)));
  };
  return {{"betas", of([&](std::size_t t) { return s.beta[t]; })},
          {"alphas_cumprod", of(a)},
          {"alphas_cumprod_prev", of(previous)},
          {"sqrt_alphas_cumprod", of([&](std::size_t t) { return std::sqrt(a(t)); })},
          {"sqrt_one_minus_alphas_cumprod", of([&](std::size_t t) { return std::sqrt(1 - a(t)); })},
          {"log_one_minus_alphas_cumprod", of([&](std::size_t t) { return std::log(1 - a(t)); })},
          {"sqrt_recip_alphas_cumprod", of([&](std::size_t t) { return std::sqrt(1 / a(t)); })},
          {"sqrt_recipm1_alphas_cumprod", of([&](std::size_t t) { return std::sqrt(1 / a(t) - 1); })},
          {"posterior_variance", of([&](std::size_t t) { return variance[t]; })},
          {"posterior_log_variance_clipped", of([&](std::size_t t) { return std::log(std::max(variance[t], 1e-20)); })},
          {"posterior_mean_coef1", of([&](std::size_t t) { return s.beta[t] * std::sqrt(previous(t)) / (1 - a(t)); })},
          {"posterior_mean_coef2",
           of([&](std::size_t t) { return (1 - previous(t)) * std::sqrt(1 - s.beta[t]) / (1 - a(t)); })},
          {"lvlb_weights", of(bound_weight)}};
}

/// What a sampler does with x0 and with its noise, "sampling_kwargs" of the official code.
struct Sampling {
  DdimOptions options;
  double temperature = 1.0;
};

Sampling read_sampling(const Case& c, const Model& m) {
  Sampling s;
  s.options.threshold_quantile = c.number_or("dtp", 1.0);
  // Dynamic thresholding takes the place of clipping whether or not that is on.
  s.options.clip = c.is_on("clip_denoised", m.clip_denoised) || s.options.threshold_quantile < 1;
  s.temperature = c.number_or("temperature", 1.0);
  if (c.number_or("noise_dropout", 0.0) != 0)
    throw InputError("noise_dropout draws which noise it drops, which no pack can give; accepted: 0");
  return s;
}

/// The official p_sample: one ancestral step of every row from its own t.
Outputs p_sample(const Case& c, const Model& m, const NoiseSchedule& s, const ToyDenoiser& network, const at::Tensor& x,
                 const at::Tensor& t, const at::Tensor& noise) {
  Sampling sampling = read_sampling(c, m);
  sampling.options.variant = DdimVariant::adm;  // the mean of p(x_{t-1} | x_t, x0) from the x0 that is kept
  const std::vector<double> variance = variances(m, s);
  std::vector<at::Tensor> samples, kept, unclipped;
  for (std::int64_t i = 0; i < x.size(0); ++i) {
    const DdimStep step = ancestral_step(s, t.const_data_ptr<std::int64_t>()[i]);
    const double root = std::sqrt(step.alpha_bar), rest = std::sqrt(1 - step.alpha_bar);
    const at::Tensor row = x.narrow(0, i, 1), predicted = network(row, static_cast<double>(step.timestep));
    const at::Tensor eps = m.predicts_x0 ? (row - root * predicted) / rest : predicted;
    const at::Tensor x0 = m.predicts_x0 ? predicted : (row - rest * eps) / root;
    unclipped.push_back(x0);
    kept.push_back(sampling.options.threshold_quantile < 1 ? dynamic_threshold(x0, sampling.options.threshold_quantile)
                   : sampling.options.clip                 ? x0.clamp(-1, 1)
                                                           : x0);
    const at::Tensor mean = ddim_step(row, eps, step, sampling.options, at::zeros_like(row));
    const double deviation =
        step.timestep > 0 ? std::sqrt(std::max(variance[static_cast<std::size_t>(step.timestep)], 1e-20)) : 0.0;
    samples.push_back(mean + sampling.temperature * deviation * noise.narrow(0, i, 1));
  }
  return {{"sample", at::cat(samples)}, {"pred_x0", at::cat(kept)}, {"pred_x0_unclipped", at::cat(unclipped)}};
}

/// The steps of the official DDIM, noisiest first. `discretize` "quad" has steps at squares of even distance.
std::vector<DdimStep> steps_of(const NoiseSchedule& s, const std::string& discretize, std::int64_t count, double eta) {
  if (discretize == "uniform") return ddim_steps(s, DdimVariant::sgdm, count, eta);
  if (discretize != "quad") throw InputError(unknown_name_message("ddim_discretize", discretize, {"uniform", "quad"}));
  if (count < 1 || count > s.steps()) throw InputError(fmt::format("{} steps; accepted: 1 to {}", count, s.steps()));
  const double end = std::sqrt(static_cast<double>(s.steps()) * 0.8);
  std::vector<DdimStep> steps;
  double previous = s.alpha_bar[0];
  for (std::int64_t i = 0; i < count; ++i) {
    const double root = count == 1       ? 0.0
                        : i == count - 1 ? end
                                         : static_cast<double>(i) * (end / static_cast<double>(count - 1));
    const auto t = static_cast<std::int64_t>(root * root) + 1;
    if (t >= s.steps()) throw InputError(fmt::format("quad: step {} of {}; take a longer schedule", t, s.steps()));
    const double a = s.alpha_bar[static_cast<std::size_t>(t)];
    steps.push_back({t, a, previous, eta * std::sqrt((1 - previous) / (1 - a) * (1 - a / previous))});
    previous = a;
  }
  std::reverse(steps.begin(), steps.end());
  return steps;
}

std::string discretize_of(const Case& c) { return c.text_or("ddim_discretize", "uniform"); }

Outputs ddim_parameters(const Case& c, const NoiseSchedule& s) {
  std::vector<DdimStep> steps = steps_of(s, discretize_of(c), c.integer("steps"), c.number("eta"));
  std::reverse(steps.begin(), steps.end());
  const auto of = [&](auto&& value) { return column(steps.size(), value); };
  return {{"timesteps", of([&](std::size_t i) { return static_cast<double>(steps[i].timestep); })},
          {"sigmas", of([&](std::size_t i) { return steps[i].sigma; })},
          {"alphas", of([&](std::size_t i) { return steps[i].alpha_bar; })},
          {"alphas_prev", of([&](std::size_t i) { return steps[i].alpha_bar_previous; })}};
}

Outputs native_chain(const Case& c, const Model& m, const NoiseSchedule& s, const ToyDenoiser& network) {
  at::Tensor x = c.tensor("x_T");
  const at::Tensor noise = c.tensor("step_noise");
  for (std::int64_t t = s.steps() - 1; t >= 0; --t)
    x = p_sample(c, m, s, network, x, at::full({x.size(0)}, t, at::kLong), noise[s.steps() - 1 - t]).at("sample");
  return {{"sample", x}};
}

/// A whole chain. The official DDIM and PLMS take what the network gives for eps, whatever `parameterization` says.
Outputs chain(const Case& c, const Model& m, const NoiseSchedule& s, const ToyDenoiser& network) {
  const std::string sampler = c.text("sampler");
  if (sampler == "native") return native_chain(c, m, s, network);
  if (sampler != "plms" && sampler != "ddim")
    throw InputError(sampler == "pndm" || sampler == "tero"
                         ? fmt::format("sampler '{}' is not built; accepted: native, ddim, plms", sampler)
                         : unknown_name_message("sampler", sampler, {"native", "ddim", "plms"}));
  const Sampling sampling = read_sampling(c, m);
  // The official PLMS warns of another eta and takes 0.
  const double eta = sampler == "plms" ? 0.0 : c.number_or("eta", 0.0);
  const std::vector<DdimStep> steps = steps_of(s, discretize_of(c), c.integer("steps"), eta);
  at::Tensor x = c.tensor("x_T");
  ClassifierFreeGuidance unguided;
  if (sampler == "plms") return {{"sample", PlmsSampler(steps, sampling.options).sample(network, unguided, x)}};
  const at::Tensor noise = c.tensor_or_undefined("step_noise");
  std::vector<at::Tensor> trajectory;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (steps[i].sigma > 0 && !noise.defined()) throw InputError("eta above 0 needs an input 'step_noise'");
    const at::Tensor z = steps[i].sigma > 0 ? sampling.temperature * noise[static_cast<std::int64_t>(i)] : at::Tensor();
    x = ddim_step(x, network(x, static_cast<double>(steps[i].timestep)), steps[i], sampling.options, z);
    trajectory.push_back(x);
  }
  return {{"sample", x}, {"trajectory", at::stack(trajectory)}};
}

Outputs q_sample(const Case& c, const NoiseSchedule& s) {
  const at::Tensor x0 = c.tensor("x_start"), t = c.tensor("t");
  const at::Tensor a = column(static_cast<std::size_t>(t.numel()), [&](std::size_t i) {
                         return s.alpha_bar.at(static_cast<std::size_t>(t.const_data_ptr<std::int64_t>()[i]));
                       }).view({-1, 1, 1, 1});
  return {{"x_t", a.sqrt() * x0 + (1 - a).sqrt() * c.tensor("noise")}};
}

}  // namespace

/// Schedules and sampling of Self-Guided Diffusion's code, on a toy network.
Module sgdm_sampler(nlohmann::json config, const SafetensorsFile* /*state*/) {
  const ToyDenoiser network(config.value("toy_model", nlohmann::json::object()));
  const Model own = read_model(config);
  return [network, own](const Case& c) -> Outputs {
    if (c.call() == "to_uint8") return {{"uint8", to_bytes(c.tensor("x"))}};
    if (c.call() == "dynamic_threshold") return {{"x0", dynamic_threshold(c.tensor("x"), c.number("dtp"))}};
    Model m = own;
    m.beta_schedule = c.text_or("beta_schedule", m.beta_schedule);
    refuse_unknown_schedule(m.beta_schedule);
    m.predicts_x0 = reads_x0(c.text_or("parameterization", m.predicts_x0 ? "x0" : "eps"));
    m.linear_start = c.number_or("linear_start", m.linear_start);
    m.linear_end = c.number_or("linear_end", m.linear_end);
    m.cosine_s = c.number_or("cosine_s", m.cosine_s);
    m.v_posterior = c.number_or("v_posterior", m.v_posterior);
    m.num_timesteps = c.integer_or("num_timesteps", m.num_timesteps);
    const NoiseSchedule schedule = schedule_of(m);
    if (c.call() == "tables") return tables(m, schedule);
    if (c.call() == "q_sample") return q_sample(c, schedule);
    if (c.call() == "ddim_parameters") return ddim_parameters(c, schedule);
    if (c.call() == "p_sample")
      return p_sample(c, m, schedule, network, c.tensor("x"), c.tensor("t"), c.tensor("noise"));
    if (c.call() == "ddim_sample") return chain(c, m, schedule, network);
    throw unknown_call(c, "tables, q_sample, ddim_parameters, p_sample, ddim_sample, to_uint8, dynamic_threshold");
  };
}

}  // namespace assay::parity
