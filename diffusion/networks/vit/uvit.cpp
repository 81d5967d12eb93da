#include "diffusion/networks/vit/uvit.h"

#include <ATen/ops/full.h>

#include "core/config.h"
#include "core/error.h"

namespace assay {

UVitConfig read_uvit_config(const nlohmann::json& object, const std::string& where) {
  ConfigReader reader(object, where);
  UVitConfig c;
  c.img_size = reader.integer("img_size", 224, 1, 1 << 16);
  c.patch_size = reader.integer("patch_size", 16, 1, 1 << 12);
  c.in_chans = reader.integer("in_chans", 3, 1, 1 << 12);
  c.embed_dim = reader.integer("embed_dim", 768, 1, 1 << 16);
  c.depth = reader.integer("depth", 12, 0, 1024);
  c.num_heads = reader.integer("num_heads", 12, 1, 1024);
  c.mlp_ratio = reader.real("mlp_ratio", 4, 0.01, 64);
  c.qkv_bias = reader.boolean("qkv_bias", false);
  c.mlp_time_embed = reader.boolean("mlp_time_embed", false);
  c.num_classes = reader.integer("num_classes", -1, -1);
  c.conv = reader.boolean("conv", true);
  c.skip = reader.boolean("skip", true);
  // The published class takes these arguments too; they change no number.
  for (const char* key : {"use_checkpoint", "qk_scale", "norm_layer"}) reader.allow(key);
  reader.finish();
  check_vit_trunk_config(c, where);
  return c;
}

UVit::UVit(const UVitConfig& config)
    : config_(config),
      trunk_(parameters_, config, {"", "pos_embed", false, config.skip, false}),
      to_pixels_(parameters_, "decoder_pred", config.embed_dim, config.patch_values(config.in_chans), true, true) {
  if (config.conv) final_.emplace(parameters_, "final_layer", config.in_chans, config.in_chans, 3);
}

at::Tensor UVit::forward(const at::Tensor& x, const at::Tensor& timesteps, const at::Tensor& labels) const {
  const at::Tensor tokens = to_pixels_(trunk_(x, timesteps, labels, {}));
  const at::Tensor image = image_of_targets(tokens, config_.patch_size);
  return final_ ? (*final_)(image) : image;
}

at::Tensor UVit::predict(const at::Tensor& x, const at::Tensor& timesteps, const Condition& condition) const {
  if (condition.layout.defined()) throw InputError("U-ViT: layout given to a network without layout channels");
  if (condition.text.defined()) throw InputError("U-ViT: text given to a network that takes none");
  if (config_.num_classes <= 0) {
    if (condition.defined()) throw InputError("U-ViT: condition given to a network without classes");
    return forward(x, timesteps);
  }
  return forward(x, timesteps,
                 condition.defined() ? condition.vector.argmax(1)
                                     : at::full({x.size(0)}, config_.num_classes - 1, x.options().dtype(at::kLong)));
}

NetworkCost UVit::cost() const {
  CostWalk walk(config_.in_chans, config_.img_size, config_.img_size);
  trunk_.count(walk, config_.patches());
  to_pixels_.count(walk, config_.patches());
  if (final_) final_->count(walk);
  return walk.cost(parameters_.count());
}

}  // namespace assay
