#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include "bench/harness/parity/modules.h"
#include "diffusion/guidance.h"
#include "diffusion/unet.h"
#include "diffusion/unet_ca.h"

namespace assay::parity {
namespace {

/// The calls that both of SGDM's networks have.
template <typename Network>
Module guided_module(std::shared_ptr<Network> net) {
  return [net](const Case& c) -> Outputs {
    at::NoGradGuard no_grad;
    const at::Tensor x = c.tensor("x"), t = c.tensor("timesteps");
    const Condition condition(net->condition_size() > 0 ? c.tensor("cond") : at::Tensor(),
                              net->layout_channels() > 0 ? c.tensor("layout") : at::Tensor());
    const auto dropped = [&](const at::Tensor& drop) {
      return net->predict(x, t, condition.defined() ? net->drop_condition(condition, drop) : condition);
    };
    const at::Tensor none = at::zeros({x.size(0)}, at::kLong), all = at::ones({x.size(0)}, at::kLong);
    if (c.call() == "forward") return {{"eps", dropped(c.number("cond_drop_prob") >= 1 ? all : none)}};
    if (c.call() == "forward_drop_mask") return {{"eps", dropped(c.tensor("drop"))}};
    if (c.call() != "guided") throw unknown_call(c, "forward, forward_drop_mask, guided");
    // The official code takes weights of exactly 0 and 1 as one branch, in both conventions.
    const double scale = c.number("cond_scale");
    if (scale == 0) return {{"eps", dropped(all)}};
    if (scale == 1) return {{"eps", dropped(none)}};
    const double w = to_imagen(scale, read_guidance_convention(c.text("scale_type")));
    return {{"eps", (1 - w) * dropped(all) + w * dropped(none)}};
  };
}

}  // namespace

/// SGDM's image-level U-Net: the ADM class with its condition branch.
Module sgdm_unet(nlohmann::json config, const SafetensorsFile* state) {
  // Arguments of the published class that change nothing without its spatial transformer, which no configuration uses.
  for (const char* key : {"use_spatial_transformer", "transformer_depth", "context_dim", "legacy"}) {
    if (std::string(key) == "use_spatial_transformer" && config.value(key, false))
      throw InputError("config.use_spatial_transformer: only false is supported");
    config.erase(key);
  }
  return guided_module(load_network<UNet>(read_unet_config(with_adm_defaults(config), "config"), state));
}

/// SGDM's network for boxes and masks.
Module sgdm_unet_ca(nlohmann::json config, const SafetensorsFile* state) {
  return guided_module(load_network<UNetCa>(read_unet_ca_config(with_adm_defaults(config), "config"), state));
}

}  // namespace assay::parity
