#include <fmt/format.h>

#include <utility>

#include "bench/parity/modules.h"
#include "metrics/features/vision_transformer.h"

namespace assay::parity {

Module dino_vit(nlohmann::json config, const SafetensorsFile* state) {
  if (!state) throw InputError("the pack names no state file");
  // Arguments of the official class that change nothing in evaluation, and those of which one value is supported.
  for (const char* key : {"drop_rate", "attn_drop_rate", "drop_path_rate", "norm_layer"}) config.erase(key);
  for (const auto& [key, accepted] :
       {std::pair<const char*, nlohmann::json>{"in_chans", 3}, {"num_classes", 0}, {"qk_scale", nullptr}}) {
    if (config.contains(key) && config.at(key) != accepted)
      throw InputError(
          fmt::format("config.{}: {} is not built; accepted: {}", key, config.at(key).dump(), accepted.dump()));
    config.erase(key);
  }
  if (config.contains("img_size") && config.at("img_size").is_array() && config.at("img_size").size() == 1)
    config["img_size"] = nlohmann::json(config.at("img_size").at(0));
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
