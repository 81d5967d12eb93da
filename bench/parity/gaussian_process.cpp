#include "diffusion/process/gaussian_process.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/stack.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bench/parity/modules.h"
#include "bench/parity/toy_denoiser.h"
#include "core/config.h"
#include "diffusion/guidance/classifier_free.h"
#include "diffusion/guidance/score_guidance.h"
#include "diffusion/process/respacing.h"
#include "diffusion/process/variational_bound.h"
#include "diffusion/sampling/adm_sampler.h"
#include "kernels/host_tensor.h"

namespace assay::parity {
namespace {

/// Section counts as the official function takes them: a text, or a list of numbers.
std::string section_counts(const nlohmann::json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_array()) return fmt::format("{}", fmt::join(value.get<std::vector<std::int64_t>>(), ","));
  return value.dump();
}

/// A chain by the arguments of the official class, or by the flags of the official scripts (create_gaussian_diffusion).
GaussianProcess read_process(const nlohmann::json& config) {
  ConfigReader reader(config, "config.diffusions");
  const bool by_flags = config.contains("learn_sigma") || config.contains("predict_xstart") ||
                        config.contains("sigma_small") || config.contains("use_kl") ||
                        config.contains("rescale_learned_sigmas");
  std::string mean = "EPSILON", variance = "LEARNED_RANGE", loss = "MSE";
  if (by_flags) {
    const bool small = reader.boolean("sigma_small", false), rescaled = reader.boolean("rescale_learned_sigmas", false);
    mean = reader.boolean("predict_xstart", false) ? "START_X" : "EPSILON";
    variance = reader.boolean("learn_sigma", false) ? "LEARNED_RANGE" : small ? "FIXED_SMALL" : "FIXED_LARGE";
    loss = reader.boolean("use_kl", false) ? "RESCALED_KL" : rescaled ? "RESCALED_MSE" : "MSE";
  }
  GaussianProcessOptions options;
  options.mean = read_mean_type(reader.text("model_mean_type", mean));
  options.variance = read_variance_type(reader.text("model_var_type", variance));
  options.loss = read_loss_type(reader.text("loss_type", loss));
  options.respacing = section_counts(config.value("timestep_respacing", nlohmann::json("")));
  reader.allow("timestep_respacing");
  options.rescale_timesteps = reader.boolean("rescale_timesteps", false);
  const std::string schedule = reader.one_of("noise_schedule", "linear", {"linear", "cosine"});
  const NoiseSchedule table = make_noise_schedule(schedule, reader.integer("steps", 1000, 1, 1'000'000));
  reader.finish();
  return {table, options};
}

/// g cos(x) + h t / 1000 + k y in the place of a classifier's gradient.
class ToyGuidance : public ScoreGuidance {
 public:
  ToyGuidance(const nlohmann::json& coefficients, at::Tensor labels)
      : g_(coefficients.at("g")), h_(coefficients.at("h")), k_(coefficients.at("k")), labels_(std::move(labels)) {}

  using ScoreGuidance::gradient;
  at::Tensor gradient(const at::Tensor& x, const at::Tensor& timesteps) override {
    const at::Tensor y = thousandths(labels_, x) * 1000;
    return g_ * x.cos() + h_ * thousandths(timesteps, x) + k_ * y;
  }

 private:
  double g_, h_, k_;
  at::Tensor labels_;
};

Outputs tables(const GaussianProcess& process) {
  const ProcessTables& t = process.tables();
  return {{"betas", host_tensor(t.betas)},
          {"alphas_cumprod", host_tensor(t.alphas_cumprod)},
          {"alphas_cumprod_prev", host_tensor(t.alphas_cumprod_prev)},
          {"alphas_cumprod_next", host_tensor(t.alphas_cumprod_next)},
          {"sqrt_alphas_cumprod", host_tensor(t.sqrt_alphas_cumprod)},
          {"sqrt_one_minus_alphas_cumprod", host_tensor(t.sqrt_one_minus_alphas_cumprod)},
          {"log_one_minus_alphas_cumprod", host_tensor(t.log_one_minus_alphas_cumprod)},
          {"sqrt_recip_alphas_cumprod", host_tensor(t.sqrt_recip_alphas_cumprod)},
          {"sqrt_recipm1_alphas_cumprod", host_tensor(t.sqrt_recipm1_alphas_cumprod)},
          {"posterior_variance", host_tensor(t.posterior_variance)},
          {"posterior_log_variance_clipped", host_tensor(t.posterior_log_variance_clipped)},
          {"posterior_mean_coef1", host_tensor(t.posterior_mean_coef1)},
          {"posterior_mean_coef2", host_tensor(t.posterior_mean_coef2)},
          {"timestep_map", host_tensor(process.timestep_map())}};
}

Outputs whole_chain(const Case& c, const GaussianProcess& process, const Denoiser& toy, ScoreGuidance* guidance) {
  AdmSampling sampling;
  sampling.kind = c.call() == "p_sample_loop" ? AdmSampling::Kind::ddpm : AdmSampling::Kind::ddim;
  sampling.eta = c.number_or("eta", 0.0);
  sampling.clip = c.is_on("clip_denoised", true);
  const at::Tensor step_noise = c.tensor("step_noise");
  std::vector<at::Tensor> trajectory;
  ClassifierFreeGuidance unguided;
  GuidanceSum sum(unguided);
  if (guidance) sum.add(*guidance);
  const at::Tensor sample = AdmSampler(process, sampling)
                                .sample(
                                    toy, sum, c.tensor("x_T"), [&](std::int64_t i) { return step_noise.select(0, i); },
                                    [&](std::int64_t, const at::Tensor& x) { trajectory.push_back(x); });
  return {{"trajectory", at::stack(trajectory)}, {"sample", sample}};
}

/// The calls that go through p(x_{t-1} | x_t) at one step.
Outputs one_step(const Case& c, const GaussianProcess& process, const Denoiser& toy, ScoreGuidance* guidance) {
  const at::Tensor x = c.tensor("x"), t = c.tensor("t"), times = process.model_timesteps(t);
  GaussianProcess::DenoisedFunction denoised;
  if (c.has("denoised_scale"))
    denoised = [scale = c.number("denoised_scale")](const at::Tensor& x0) { return scale * x0; };
  PredictedStep p = process.p_mean_variance(toy.predict(x, times, {}), x, t, c.is_on("clip_denoised", true), denoised);
  const std::string call = c.call();
  if (call == "condition_mean") return {{"mean", process.condition_mean(p, guidance->gradient(x, times)).mean}};
  if (call == "condition_score") {
    p = process.condition_score(p, x, t, guidance->gradient(x, times));
    return {{"mean", p.mean}, {"pred_xstart", p.x_start}};
  }
  if (call == "p_sample") {
    if (guidance) p = process.condition_mean(p, guidance->gradient(x, times));
    return {{"sample", process.p_sample(p, t, c.tensor("noise"))}, {"pred_xstart", p.x_start}};
  }
  if (call == "ddim_sample") {
    if (guidance) p = process.condition_score(p, x, t, guidance->gradient(x, times));
    return {{"sample", process.ddim_sample(p, x, t, c.number_or("eta", 0.0), c.tensor("noise"))},
            {"pred_xstart", p.x_start}};
  }
  if (call == "ddim_reverse_sample")
    return {{"sample", process.ddim_reverse_sample(p, x, t)}, {"pred_xstart", p.x_start}};
  if (call == "p_mean_variance")
    return {{"mean", p.mean}, {"variance", p.variance}, {"log_variance", p.log_variance}, {"pred_xstart", p.x_start}};
  throw unknown_call(c,
                     "tables, space_timesteps, q_sample, q_mean_variance, q_posterior_mean_variance, p_mean_variance, "
                     "condition_mean, condition_score, p_sample, ddim_sample, ddim_reverse_sample, p_sample_loop, "
                     "ddim_sample_loop, training_losses, vb_terms_bpd, calc_bpd_loop, "
                     "discretized_gaussian_log_likelihood, normal_kl");
}

Outputs losses(const Case& c, const GaussianProcess& process, const Denoiser& toy) {
  const ModelFunction model = [&](const at::Tensor& x, const at::Tensor& times) { return toy.predict(x, times, {}); };
  const at::Tensor x_start = c.tensor("x_start");
  if (c.call() == "training_losses") {
    const TrainingLosses terms = training_losses(process, model, x_start, c.tensor("t"), c.tensor("noise"));
    return {{"loss", terms.loss}, {"mse", terms.mse}, {"vb", terms.vb}};
  }
  const bool clip = c.is_on("clip_denoised", true);
  if (c.call() == "vb_terms_bpd") {
    const at::Tensor x = c.tensor("x_t"), t = c.tensor("t");
    const BoundTerm term = bound_term(process, model(x, process.model_timesteps(t)), x_start, x, t, clip);
    return {{"output", term.bits}, {"pred_xstart", term.x_start}};
  }
  const at::Tensor step_noise = c.tensor("step_noise");
  const BitsPerDimension bits =
      bits_per_dimension(process, model, x_start, clip, [&](std::int64_t i) { return step_noise.select(0, i); });
  return {{"total_bpd", bits.total},
          {"prior_bpd", bits.prior},
          {"vb", bits.vb},
          {"xstart_mse", bits.x_start_mse},
          {"mse", bits.eps_mse}};
}

}  // namespace

Module gaussian_process(nlohmann::json config, const SafetensorsFile* /*state*/) {
  return [config](const Case& c) -> Outputs {
    at::NoGradGuard no_grad;
    const std::string call = c.call();
    if (call == "space_timesteps")
      return {{"timestep_map",
               host_tensor(space_timesteps(c.integer("steps"), section_counts(c.literal("section_counts"))))}};
    if (call == "normal_kl")
      return {{"kl", normal_kl(c.tensor("mean1"), c.tensor("logvar1"), c.tensor("mean2"), c.tensor("logvar2"))}};
    if (call == "discretized_gaussian_log_likelihood")
      return {
          {"log_probs", discretized_gaussian_log_likelihood(c.tensor("x"), c.tensor("means"), c.tensor("log_scales"))}};

    const GaussianProcess process = read_process(config.at("diffusions").at(c.text("diffusion")));
    if (call == "tables") return tables(process);
    if (call == "q_sample") return {{"x_t", process.q_sample(c.tensor("x_start"), c.tensor("t"), c.tensor("noise"))}};
    if (call == "q_mean_variance") {
      const Moments q = process.q_mean_variance(c.tensor("x_start"), c.tensor("t"));
      return {{"mean", q.mean}, {"variance", q.variance}, {"log_variance", q.log_variance}};
    }
    if (call == "q_posterior_mean_variance") {
      const Moments q = process.q_posterior(c.tensor("x_start"), c.tensor("x_t"), c.tensor("t"));
      return {{"mean", q.mean}, {"variance", q.variance}, {"log_variance_clipped", q.log_variance}};
    }

    const ToyDenoiser toy(config.at("toy_model"), process.learned_variance());
    if (call == "training_losses" || call == "vb_terms_bpd" || call == "calc_bpd_loop") return losses(c, process, toy);
    std::optional<ToyGuidance> guidance;
    if (call.starts_with("condition_") || c.is_on("use_cond_fn", false))
      guidance.emplace(config.at("toy_cond_fn"), c.tensor("y"));
    return call.ends_with("_loop") ? whole_chain(c, process, toy, guidance ? &*guidance : nullptr)
                                   : one_step(c, process, toy, guidance ? &*guidance : nullptr);
  };
}

}  // namespace assay::parity
