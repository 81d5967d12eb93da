#include "diffusion/networks/vit/uvit.h"

#include <ATen/core/grad_mode.h>

#include "bench/parity/modules.h"

namespace assay::parity {

Module uvit(nlohmann::json config, const SafetensorsFile* state) {
  const auto net = load_network<UVit>(read_uvit_config(config, "config"), state);
  return [net](const Case& c) -> Outputs {
    if (c.call() != "(none)" && c.call() != "forward") throw unknown_call(c, "forward");
    const at::NoGradGuard no_grad;
    return {{"out", net->forward(c.tensor("x"), c.tensor("timesteps"), c.tensor_or_undefined("y"))}};
  };
}

}  // namespace assay::parity
