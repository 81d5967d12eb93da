#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>
#include <vector>

#include "bench/parity/modules.h"
#include "core/nearest.h"
#include "diffusion/guidance/classifier_free.h"
#include "diffusion/networks/vit/mask_uvit.h"
#include "kernels/host_tensor.h"
#include "reproductions/maskdm/algorithm/haar.h"
#include "reproductions/maskdm/algorithm/masked_loss.h"
#include "reproductions/maskdm/algorithm/masks.h"
#include "reproductions/maskdm/algorithm/process.h"

namespace assay::parity {
namespace {

using maskdm::MaskedLoss;
using maskdm::Process;

/// The patches that the pack's mask, [B, extra tokens + N] with 1 = removed, leaves; undefined without a mask.
at::Tensor visible_in(const Case& c, const MaskUVitConfig& config) {
  if (!c.has("mask")) return {};
  return maskdm::visible_of_masks(c.tensor("mask").narrow(1, config.extras(), config.all_patches()));
}

maskdm::Objective objective_of(const Case& c) {
  return value_of("objective", c.text_or("objective", "pred_noise"), maskdm::objective_names);
}

/// The forward process by the arguments of the official GaussianDiffusion.
Process process_of(const Case& c, const MaskUVitConfig& config) {
  const std::int64_t shift = c.is_on("shift", false) ? c.integer_or("image_size", config.img_size) : 0;
  return {c.text_or("beta_schedule", "cosine"), c.integer_or("timesteps", 1000), shift};
}

/// loss_weight at the steps t [B]; undefined where p2_loss_weight_gamma makes it 1 everywhere.
at::Tensor loss_weight(const Case& c, const Process& process) {
  const double gamma = c.number_or("p2_loss_weight_gamma", 0.0), k = c.number_or("p2_loss_weight_k", 1.0);
  const std::string kind = c.text_or("loss_weight", "p2");
  if (kind != "p2" && kind != "min") throw InputError(unknown_name_message("loss_weight", kind, {"p2", "min"}));
  if (gamma == 0) return {};
  const at::Tensor t = c.tensor("t");
  at::Tensor weight = at::empty({t.numel()}, at::kFloat);
  for (std::int64_t i = 0; i < t.numel(); ++i) {
    const double a = process.schedule().alpha_bar.at(static_cast<std::size_t>(t.const_data_ptr<std::int64_t>()[i]));
    const double ratio = a / (1 - a);
    weight.mutable_data_ptr<float>()[i] =
        static_cast<float>(std::pow(kind == "p2" ? k + ratio : std::min(5 / ratio, 1.0), -gamma));
  }
  return weight;
}

MaskedLoss loss_of(const Case& c, const MaskUVit& net, const at::Tensor& x_start) {
  const Process process = process_of(c, net.config());
  return maskdm::masked_loss(net, process, x_start, c.tensor("t"), c.tensor("noise"), visible_in(c, net.config()),
                             c.tensor_or_undefined("y"), objective_of(c),
                             value_of("loss", c.text("loss_type"), maskdm::loss_names), loss_weight(c, process));
}

/// One band under `name`; with wavelets "approx" and "detail", as the official network returns them.
Outputs of_bands(const std::string& name, const std::vector<at::Tensor>& bands) {
  if (bands.size() == 1) return {{name, bands.front()}};
  return {{"approx", bands[0]}, {"detail", bands[1]}};
}

Outputs gradients(const Case& c, MaskUVit& net) {
  net.parameters().require_gradients();
  net.parameters().flat_gradient().zero_();
  const MaskedLoss found = loss_of(c, net, c.tensor("x_start"));
  found.loss.backward();
  Outputs outputs = {{"loss", found.loss.detach()}};
  for (const Parameter& parameter : net.parameters().all())
    outputs["grad:" + parameter.name] = parameter.value.grad().clone();
  return outputs;
}

Outputs tables(const Case& c, const MaskUVitConfig& config) {
  const Process process = process_of(c, config);
  const at::Tensor beta = host_tensor(process.schedule().beta), alpha_bar = host_tensor(process.schedule().alpha_bar);
  std::vector<double> shifted = process.schedule().alpha_bar;
  shifted.insert(shifted.begin(), 1.0);
  shifted.pop_back();
  const at::Tensor before = host_tensor(shifted);
  Outputs outputs = {{"betas", beta},
                     {"alphas_cumprod", alpha_bar},
                     {"alphas_cumprod_prev", before},
                     {"sqrt_alphas_cumprod", alpha_bar.sqrt()},
                     {"sqrt_one_minus_alphas_cumprod", (1 - alpha_bar).sqrt()},
                     {"log_one_minus_alphas_cumprod", (1 - alpha_bar).log()},
                     {"sqrt_recip_alphas_cumprod", (1 / alpha_bar).sqrt()},
                     {"sqrt_recipm1_alphas_cumprod", (1 / alpha_bar - 1).sqrt()},
                     {"posterior_variance", host_tensor(process.posterior_variance())},
                     {"posterior_log_variance_clipped", host_tensor(process.posterior_log_variance())},
                     {"posterior_mean_coef1", beta * before.sqrt() / (1 - alpha_bar)},
                     {"posterior_mean_coef2", (1 - before) * (1 - beta).sqrt() / (1 - alpha_bar)}};
  for (auto& [name, table] : outputs) table = table.to(at::kFloat);
  return outputs;
}

/// A network's eps as the official ddim_sample has it. A guidance_weight of at least 0 mixes in the prediction for the
/// labels, of which the one without labels is taken guidance_weight times; x_0 is then derived from the mix whatever
/// the objective.
class OfficialEps : public Denoiser {
 public:
  using Clip = std::function<at::Tensor(const at::Tensor&)>;

  OfficialEps(const Case& c, const MaskUVit& net, const Process& process, at::Tensor labels, Clip clip)
      : net_(net),
        process_(process),
        labels_(std::move(labels)),
        clip_(std::move(clip)),
        objective_(objective_of(c)),
        weight_(c.number_or("guidance_weight", -1.0)) {}

  at::Tensor predict(const at::Tensor& x, const at::Tensor& t, const Condition& /*condition*/) const override {
    const auto eps = [&](const at::Tensor& labels, const Clip& clip) {
      return process_.predicted_noise(objective_, net_.forward(x, t, labels), x, t, clip);
    };
    if (weight_ < 0) return eps(labels_, clip_);
    const at::Tensor free = eps({}, clip_), told = eps(labels_, [](const at::Tensor&x_start) { return x_start; });
    return (1 + weight_) * told - weight_ * free;
  }
  std::int64_t condition_size() const override { return 0; }

 private:
  const MaskUVit& net_;
  const Process& process_;
  at::Tensor labels_;
  Clip clip_;
  maskdm::Objective objective_;
  double weight_;
};

Outputs ddim_sample(const Case& c, const MaskUVit& net, const at::Tensor& labels) {
  const Process process = process_of(c, net.config());
  const at::Tensor noise = c.tensor("step_noise");
  const bool clips = c.is_on("clip_denoised", true);
  const double low = c.number_or("clip_min", -1.0), high = c.number_or("clip_max", 1.0);
  const auto clip = [&](const at::Tensor& x_start) {
    // The wavelet network's bands have bounds of their own, whatever the arguments say.
    if (net.config().data_chans > 0) return maskdm::clip_input(net.config(), x_start);
    return clips ? x_start.clamp(low, high) : x_start;
  };
  ClassifierFreeGuidance unguided;
  const at::Tensor x =
      process.ddim_sampler(c.integer("sampling_timesteps"), c.number_or("ddim_sampling_eta", 1.0), clip)
          .sample(OfficialEps(c, net, process, labels, clip), unguided, c.tensor("x_T"),
                  [&](std::int64_t i) { return noise[i]; });
  if (!c.is_on("normalization", true)) return {{"image", x}};
  return {{"image", maskdm::image_of_input(net.config(), x)}};
}

Outputs run(const Case& c, MaskUVit& net) {
  if (c.call() == "gradient") return gradients(c, net);
  const at::NoGradGuard no_grad;
  const at::Tensor labels = c.tensor_or_undefined("y");
  if (c.call() == "forward") return {{"out", net.forward(c.tensor("x"), c.tensor("timesteps"), labels)}};
  if (c.call() == "forward_masked")
    return of_bands("out",
                    net.forward_visible(c.tensor("x"), c.tensor("timesteps"), visible_in(c, net.config()), labels));
  if (c.call() == "loss") {
    const MaskedLoss found =
        loss_of(c, net,
                maskdm::network_input(net.config(),
                                      c.is_on("normalization", true) ? 2 * c.tensor("image") - 1 : c.tensor("image")));
    Outputs outputs = of_bands("model_out", found.output);
    outputs.insert({{"x_t", found.x_t}, {"loss", found.loss}});
    return outputs;
  }
  if (c.call() == "ddim_sample") return ddim_sample(c, net, labels);
  if (c.call() == "tables") return tables(c, net.config());
  if (c.call() == "patchify_target") return {{"tokens", patch_targets(c.tensor("x"), net.config().patch_size)}};
  throw unknown_call(c, "forward, forward_masked, loss, gradient, ddim_sample, tables, patchify_target");
}

}  // namespace

Module maskdm_network(nlohmann::json config, const SafetensorsFile* state) {
  const auto net = load_network<MaskUVit>(read_mask_uvit_config(config, "config"), state);
  return [net](const Case& c) { return run(c, *net); };
}

}  // namespace assay::parity
