#include "diffusion/guidance/entropy.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/full.h>
#include <ATen/ops/matmul.h>

#include <cmath>

#include "bench/parity/modules.h"
#include "bench/parity/toy_denoiser.h"
#include "diffusion/guidance/classifier_guidance.h"
#include "diffusion/sampling/adm_sampler.h"

namespace assay::parity {
namespace {

/// The official scripts' NUM_CLASSES, a constant whatever the classifier.
const double official_constant = std::log(1000.0);

/// base + (flatten(x) W) (1 + t / 1000).
class ToyClassifier : public Classifier {
 public:
  explicit ToyClassifier(const Case& c) : base_(c.tensor("base_logits")), weight_(c.tensor("W")) {}
  at::Tensor logits(const at::Tensor& x, const at::Tensor& timesteps) const override {
    return base_ + at::matmul(x.flatten(1), weight_) * (1 + timesteps.to(at::kFloat).unsqueeze(1) / 1000);
  }
  std::int64_t classes() const override { return base_.size(1); }

 private:
  at::Tensor base_, weight_;
};

ClassifierGuidanceOptions read_options(const Case& c) {
  ClassifierGuidanceOptions options;
  options.scale = c.number("classifier_scale");
  options.entropy_scaling = c.integer("use_entropy_scale") != 0;
  options.entropy_constant = official_constant;
  return options;
}

Outputs scale_alone(const Case& c) {
  const at::Tensor k = c.number("classifier_scale") * entropy_scale(c.tensor("logits"), 0.0, official_constant).scale;
  const at::Tensor gradient = c.tensor("gradient");
  std::vector<std::int64_t> shape(static_cast<std::size_t>(gradient.dim()), 1);
  shape[0] = k.size(0);
  return {{"scale_per_sample", k}, {"guidance", gradient * k.view(shape)}};
}

Outputs constraint(const Case& c) {
  at::Tensor logits = c.tensor("logits");
  logits.set_requires_grad(true);
  const double weight = c.number("weight");
  const EntropyConstraint terms = entropy_constraint(logits, c.tensor("labels"), weight, official_constant);
  const at::Tensor loss = terms.loss.mean();
  if (c.call() == "ect_loss")
    return {{"ce_loss", terms.cross_entropy},
            {"entropy_gap", terms.gap},
            {"entropy_constraint_loss", weight * terms.gap},
            {"loss", loss}};
  loss.backward();
  return {{"grad_logits", logits.grad()}};
}

Outputs conditioning(const Case& c, const ToyClassifier& classifier) {
  const at::Tensor x = c.tensor("x"), t = c.tensor("t"), y = c.tensor("y");
  const ClassifierGuidanceOptions options = read_options(c);
  const at::Tensor logits = classifier.logits(x, t);
  // The official scale has the shape of the gradient where it is on.
  const at::Tensor scale =
      options.entropy_scaling
          ? (options.scale * entropy_scale(logits, 0.0, official_constant).scale).view({-1, 1, 1, 1}).expand(x.sizes())
          : at::full({}, options.scale);
  return {{"logits", logits},
          {"gradient", ClassifierGuidance(classifier, y, {}).gradient(x, t)},
          {"scale", scale},
          {"guidance", ClassifierGuidance(classifier, y, options).gradient(x, t)}};
}

Outputs sampling(const Case& c, const ToyClassifier& classifier, const nlohmann::json& config) {
  // The flags of the official sampling script, from the case or else from the pack.
  const auto flag = [&](const char* name, const nlohmann::json& otherwise) {
    return c.has(name) ? c.literal(name) : config.value(name, otherwise);
  };
  const auto is_on = [&](const char* name, bool otherwise) {
    const nlohmann::json value = flag(name, otherwise);
    return value.is_boolean() ? value.get<bool>() : value.get<std::int64_t>() != 0;
  };
  GaussianProcessOptions process_options;
  process_options.mean = is_on("predict_xstart", false) ? MeanType::start_x : MeanType::epsilon;
  process_options.variance = is_on("learn_sigma", true)    ? VarianceType::learned_range
                             : is_on("sigma_small", false) ? VarianceType::fixed_small
                                                           : VarianceType::fixed_large;
  process_options.respacing = flag("timestep_respacing", "").get<std::string>();
  process_options.rescale_timesteps = is_on("rescale_timesteps", false);
  const GaussianProcess process(make_noise_schedule(flag("noise_schedule", "linear").get<std::string>(),
                                                    flag("diffusion_steps", 1000).get<std::int64_t>()),
                                process_options);
  const bool clip = is_on("clip_denoised", true);
  const double eta = flag("eta", 0.0).get<double>();
  const ToyDenoiser toy(config.at("toy_model"), process.learned_variance());
  ClassifierGuidance guidance(classifier, c.tensor("y"), read_options(c));
  if (c.call() == "ddim_sample_loop" || c.call() == "p_sample_loop") {
    AdmSampling options;
    options.kind = c.call() == "p_sample_loop" ? AdmSampling::Kind::ddpm : AdmSampling::Kind::ddim;
    options.eta = options.kind == AdmSampling::Kind::ddim ? eta : 0.0;
    options.clip = clip;
    const at::Tensor step_noise = c.tensor("step_noise");
    const at::Tensor sample = AdmSampler(process, options).sample(toy, guidance, c.tensor("x_T"), [&](std::int64_t i) {
      return step_noise.select(0, i);
    });
    // DDIM's last step ends at alpha_bar 1, so its x_0 is the sample.
    return {{"sample", sample}, {"pred_xstart", sample}};
  }
  const at::Tensor x = c.tensor("x"), t = c.tensor("t"), noise = c.tensor("noise"), times = process.model_timesteps(t);
  const PredictedStep p = process.p_mean_variance(toy.predict(x, times, {}), x, t, clip);
  const at::Tensor gradient = guidance.gradient(x, times);
  if (c.call() == "p_sample")
    return {{"sample", process.p_sample(process.condition_mean(p, gradient), t, noise)}, {"pred_xstart", p.x_start}};
  if (c.call() == "ddim_sample") {
    const PredictedStep moved = process.condition_score(p, x, t, gradient);
    return {{"sample", process.ddim_sample(moved, x, t, eta, noise)}, {"pred_xstart", moved.x_start}};
  }
  throw unknown_call(c,
                     "eds_scale, cond_fn, p_sample, ddim_sample, p_sample_loop, ddim_sample_loop, ect_loss, "
                     "ect_loss_gradient");
}

}  // namespace

Module entropy_guidance(nlohmann::json config, const SafetensorsFile* /*state*/) {
  return [config](const Case& c) -> Outputs {
    if (c.call().starts_with("ect_loss")) return constraint(c);
    at::NoGradGuard no_grad;
    if (c.call() == "eds_scale") return scale_alone(c);
    const ToyClassifier classifier(c);
    return c.call() == "cond_fn" ? conditioning(c, classifier) : sampling(c, classifier, config);
  };
}

}  // namespace assay::parity
