#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/log_softmax.h>

#include "bench/parity/modules.h"
#include "diffusion/networks/adm/encoder_unet.h"
#include "diffusion/networks/adm/unet.h"
#include "diffusion/networks/timestep_embedding.h"

namespace assay::parity {

nlohmann::json with_adm_defaults(const nlohmann::json& config) {
  nlohmann::json whole = {
      {"channel_mult", {1, 2, 4, 8}}, {"dropout", 0.0}, {"use_scale_shift_norm", false}, {"resblock_updown", false}};
  whole.update(config);
  return whole;
}

Module timestep_embedding(nlohmann::json config, const SafetensorsFile* /*state*/) {
  const double max_period = config.value("max_period", 10000.0);
  return [max_period](const Case& c) -> Outputs {
    return {{"embedding", assay::timestep_embedding(c.tensor("timesteps"), static_cast<std::int64_t>(c.number("dim")),
                                                    c.number_or("max_period", max_period))}};
  };
}

Module adm_unet(nlohmann::json config, const SafetensorsFile* state) {
  const auto net = load_network<UNet>(read_unet_config(with_adm_defaults(config), "config"), state);
  return [net](const Case& c) -> Outputs {
    at::Tensor x = c.tensor("x");
    if (c.call() == "(none)") {
      at::NoGradGuard no_grad;
      return {{"sample", net->forward(x, c.tensor("timesteps"), c.tensor_or_undefined("y"), {})}};
    }
    if (c.call() != "forward_and_grad") throw unknown_call(c, "(none), forward_and_grad");
    x.set_requires_grad(true);
    const at::Tensor sample = net->forward(x, c.tensor("timesteps"), c.tensor_or_undefined("y"), {});
    (sample * c.tensor("weight")).sum().backward();
    return {{"sample", sample.detach()}, {"grad_x", x.grad()}};
  };
}

Module adm_classifier(nlohmann::json config, const SafetensorsFile* state) {
  const auto net = load_network<EncoderUNet>(read_encoder_unet_config(with_adm_defaults(config), "config"), state);
  return [net](const Case& c) -> Outputs {
    at::Tensor x = c.tensor("x");
    const at::Tensor t = c.tensor("timesteps");
    if (c.call() == "forward" || c.call() == "(none)") {
      at::NoGradGuard no_grad;
      return {{"logits", net->logits(x, t)}};
    }
    if (c.call() != "log_prob_grad") throw unknown_call(c, "forward, log_prob_grad");
    x.set_requires_grad(true);
    const at::Tensor logits = net->logits(x, t);
    const at::Tensor log_probs = at::log_softmax(logits, -1);
    log_probs.gather(1, c.tensor("y").unsqueeze(1)).sum().backward();
    return {{"logits", logits.detach()}, {"log_probs", log_probs.detach()}, {"grad_x", x.grad()}};
  };
}

}  // namespace assay::parity
