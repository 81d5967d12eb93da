#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include "bench/parity/modules.h"
#include "diffusion/guidance/classifier_free.h"
#include "diffusion/networks/adm/unet.h"
#include "diffusion/networks/adm/unet_ca.h"

namespace assay::parity {
namespace {

/// Which weights of guidance run one branch alone, in both conventions: any number that is 0 or 1 in the image-level
/// network, only integers in the one for boxes and masks, where 1.0 runs both.
enum class Shortcut { numbers, integers };

/// The calls that both of SGDM's networks have. `scale_type` is the configuration's, which a case may replace.
template <typename Network>
Module guided_module(std::shared_ptr<Network> net, Shortcut shortcut, const std::string& scale_type) {
  return [net, shortcut, scale_type](const Case& c) -> Outputs {
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
    const GuidanceConvention convention = read_guidance_convention(c.text_or("scale_type", scale_type));
    if (c.literal("cond_scale").is_string()) {  // a weight for each sample
      const at::Tensor w = c.tensor("cond_scale").view({-1, 1, 1, 1}) + to_imagen(0.0, convention);
      return {{"eps", (1 - w) * dropped(all) + w * dropped(none)}};
    }
    const double scale = c.number("cond_scale");
    const bool may_shorten = shortcut == Shortcut::numbers || c.literal("cond_scale").is_number_integer();
    if (may_shorten && scale == 0) return {{"eps", dropped(all)}};
    if (may_shorten && scale == 1) return {{"eps", dropped(none)}};
    const double w = to_imagen(scale, convention);
    return {{"eps", (1 - w) * dropped(all) + w * dropped(none)}};
  };
}

std::string scale_type_of(const nlohmann::json& config) {
  return config.value("condition", nlohmann::json::object()).value("scale_type", "imagen");
}

}  // namespace

/// SGDM's image-level U-Net: the ADM class with its condition branch.
Module sgdm_unet(nlohmann::json config, const SafetensorsFile* state) {
  // Arguments of the published class that change nothing without its spatial transformer, which no configuration uses.
  const std::string method = config.value("condition_method", "");
  if (method == "cluster_lookup")
    throw InputError("config.condition_method: cluster_lookup, a table of a row for each training image, is not built");
  // Without `legacy` the width of a head is passed on, which leaves no part to `num_heads_upsample`.
  if (!config.value("legacy", true)) config.erase("num_heads_upsample");
  for (const char* key : {"use_spatial_transformer", "transformer_depth", "context_dim", "legacy"}) {
    if (std::string(key) == "use_spatial_transformer" && config.value(key, false))
      throw InputError("config.use_spatial_transformer: only false is supported");
    config.erase(key);
  }
  return guided_module(load_network<UNet>(read_unet_config(with_adm_defaults(config), "config"), state),
                       Shortcut::numbers, scale_type_of(config));
}

/// SGDM's network for boxes and masks.
Module sgdm_unet_ca(nlohmann::json config, const SafetensorsFile* state) {
  config.erase("n_embed");  // of a code that the published class does not have any more
  return guided_module(load_network<UNetCa>(read_unet_ca_config(with_adm_defaults(config), "config"), state),
                       Shortcut::integers, scale_type_of(config));
}

}  // namespace assay::parity
