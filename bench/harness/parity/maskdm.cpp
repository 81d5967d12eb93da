#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>

#include <cmath>
#include <vector>

#include "bench/harness/parity/modules.h"
#include "diffusion/mask_uvit.h"
#include "reproductions/maskdm/haar.h"
#include "reproductions/maskdm/masked_loss.h"
#include "reproductions/maskdm/masks.h"
#include "reproductions/maskdm/process.h"

namespace assay::parity {
namespace {

using maskdm::MaskedLoss;
using maskdm::Process;

std::int64_t integer_or(const Case& c, const std::string& input, std::int64_t otherwise) {
  return c.has(input) ? c.integer(input) : otherwise;
}

/// The patches that the pack's mask, [B, extra tokens + N] with 1 = removed, leaves; undefined without a mask.
at::Tensor visible_in(const Case& c, const MaskUVitConfig& config) {
  if (!c.has("mask")) return {};
  return maskdm::visible_of_masks(c.tensor("mask").narrow(1, config.extras(), config.all_patches()));
}

MaskedLoss loss_of(const Case& c, const MaskUVit& net, const at::Tensor& x_start) {
  const Process process(c.text("beta_schedule"), integer_or(c, "timesteps", 1000));
  return maskdm::masked_loss(net, process, x_start, c.tensor("t"), c.tensor("noise"), visible_in(c, net.config()),
                             c.tensor_or_undefined("y"), maskdm::read_objective(c.text("objective")),
                             maskdm::read_loss(c.text("loss_type")));
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

at::Tensor as_tensor(const std::vector<double>& values) {
  at::Tensor tensor = at::empty({static_cast<std::int64_t>(values.size())}, at::kDouble);
  std::copy(values.begin(), values.end(), tensor.mutable_data_ptr<double>());
  return tensor;
}

Outputs tables(const Case& c) {
  const Process process(c.text("beta_schedule"), integer_or(c, "timesteps", 1000));
  const at::Tensor beta = as_tensor(process.schedule().beta), alpha_bar = as_tensor(process.schedule().alpha_bar);
  std::vector<double> shifted = process.schedule().alpha_bar;
  shifted.insert(shifted.begin(), 1.0);
  shifted.pop_back();
  const at::Tensor before = as_tensor(shifted);
  Outputs outputs = {{"betas", beta},
                     {"alphas_cumprod", alpha_bar},
                     {"alphas_cumprod_prev", before},
                     {"sqrt_alphas_cumprod", alpha_bar.sqrt()},
                     {"sqrt_one_minus_alphas_cumprod", (1 - alpha_bar).sqrt()},
                     {"log_one_minus_alphas_cumprod", (1 - alpha_bar).log()},
                     {"sqrt_recip_alphas_cumprod", (1 / alpha_bar).sqrt()},
                     {"sqrt_recipm1_alphas_cumprod", (1 / alpha_bar - 1).sqrt()},
                     {"posterior_variance", as_tensor(process.posterior_variance())},
                     {"posterior_log_variance_clipped", as_tensor(process.posterior_log_variance())},
                     {"posterior_mean_coef1", beta * before.sqrt() / (1 - alpha_bar)},
                     {"posterior_mean_coef2", (1 - before) * (1 - beta).sqrt() / (1 - alpha_bar)}};
  for (auto& [name, table] : outputs) table = table.to(at::kFloat);
  return outputs;
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
    const MaskedLoss found = loss_of(c, net, maskdm::network_input(net.config(), 2 * c.tensor("image") - 1));
    Outputs outputs = of_bands("model_out", found.output);
    outputs.insert({{"x_t", found.x_t}, {"loss", found.loss}});
    return outputs;
  }
  if (c.call() == "ddim_sample") {
    const Process process(c.text("beta_schedule"), integer_or(c, "timesteps", 1000));
    const at::Tensor noise = c.tensor("step_noise");
    const auto eps = [&](const at::Tensor& x, const at::Tensor& t) { return net.forward(x, t, labels); };
    const at::Tensor x = process.ddim_sample(
        eps, c.tensor("x_T"), c.integer("sampling_timesteps"), c.number("ddim_sampling_eta"),
        [&](std::int64_t i) { return noise[i]; },
        [&](const at::Tensor& x_start) { return maskdm::clip_input(net.config(), x_start); });
    return {{"image", maskdm::image_of_input(net.config(), x)}};
  }
  if (c.call() == "tables") return tables(c);
  if (c.call() == "patchify_target") return {{"tokens", patch_targets(c.tensor("x"), net.config().patch_size)}};
  throw unknown_call(c, "forward, forward_masked, loss, gradient, ddim_sample, tables, patchify_target");
}

}  // namespace

Module maskdm_network(nlohmann::json config, const SafetensorsFile* state) {
  const auto net = load_network<MaskUVit>(read_mask_uvit_config(config, "config"), state);
  return [net](const Case& c) { return run(c, *net); };
}

}  // namespace assay::parity
