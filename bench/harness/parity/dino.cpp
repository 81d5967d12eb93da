#include "bench/harness/parity/modules.h"
#include "metrics/features/vision_transformer.h"

namespace assay::parity {

Module dino_vit(nlohmann::json config, const SafetensorsFile* state) {
  if (!state) throw InputError("the pack names no state file");
  const auto net = std::make_shared<VisionTransformer>(read_vision_transformer_config(config, "config"), state->path());
  return [net](const Case& c) -> Outputs {
    if (c.call() != "features") throw unknown_call(c, "features");
    const VisionTransformerOutputs out = net->forward(c.tensor("x"));
    return {{"cls", out.cls},
            {"tokens_normed", out.tokens_normed},
            {"second_last_normed", out.second_last_normed},
            {"last_attention", out.last_attention},
            {"last_q", out.last_q},
            {"last_k", out.last_k},
            {"last_v", out.last_v},
            {"pos_embed_used", out.pos_embed_used}};
  };
}

}  // namespace assay::parity
