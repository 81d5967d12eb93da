#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>

#include "bench/harness/parity/modules.h"
#include "diffusion/guidance.h"
#include "diffusion/unet.h"

namespace assay::parity {

/// SGDM's image-level U-Net: the ADM class with its condition branch.
Module sgdm_unet(nlohmann::json config, const SafetensorsFile* state) {
  const std::string method = config.value("condition_method", "cluster");
  if (method != "cluster" && method != "label" && method != "attr")
    throw InputError(fmt::format("condition_method '{}' is not supported; accepted: cluster, label, attr", method));
  for (const char* key : {"condition_method", "condition", "use_checkpoint", "use_fp16"}) config.erase(key);
  const auto net = load_unet(read_unet_config(config, "config"), state);
  return [net](const Case& c) -> Outputs {
    at::NoGradGuard no_grad;
    const at::Tensor x = c.tensor("x"), t = c.tensor("timesteps"), condition = c.tensor("cond");
    const auto dropped = [&](const at::Tensor& drop) {
      return net->predict(x, t, net->drop_condition(condition, drop));
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

}  // namespace assay::parity
