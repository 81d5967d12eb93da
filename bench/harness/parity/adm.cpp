#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>

#include "bench/harness/parity/modules.h"
#include "diffusion/timestep_embedding.h"
#include "diffusion/unet.h"

namespace assay::parity {

Module timestep_embedding(nlohmann::json config, const SafetensorsFile* /*state*/) {
  const double max_period = config.value("max_period", 10000.0);
  return [max_period](const Case& c) -> Outputs {
    return {{"embedding",
             assay::timestep_embedding(c.tensor("timesteps"), static_cast<std::int64_t>(c.number("dim")), max_period)}};
  };
}

std::shared_ptr<UNet> load_unet(const UNetConfig& config, const SafetensorsFile* state) {
  if (!state) throw InputError("the pack names no state file");
  auto net = std::make_shared<UNet>(config);
  net->parameters().materialise(0);
  net->parameters().load(*state);
  return net;
}

Module adm_unet(nlohmann::json config, const SafetensorsFile* state) {
  const auto net = load_unet(read_unet_config(config, "config"), state);
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

}  // namespace assay::parity
