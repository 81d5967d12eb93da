#include "diffusion/networks/vit/mask_uvit.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros_like.h>
#include <fmt/format.h>

#include "core/config.h"
#include "core/error.h"

namespace assay {

MaskUVitConfig read_mask_uvit_config(const nlohmann::json& object, const std::string& where) {
  ConfigReader reader(object, where);
  MaskUVitConfig c;
  c.img_size = reader.integer("img_size", c.img_size, 1, 1 << 16);
  c.patch_size = reader.integer("patch_size", c.patch_size, 1, 1 << 12);
  c.in_chans = reader.integer("in_chans", c.in_chans, 1, 1 << 12);
  c.data_chans = reader.integer("data_chans", c.data_chans, 0, 1 << 10);
  for (const char* key : {"level", "scale"})
    if (reader.integer(key, 1, 1) != 1)
      throw InputError(fmt::format("{}.{}: only 1 is supported; no published configuration has another", where, key));
  c.embed_dim = reader.integer("encoder_embed_dim", c.embed_dim, 1, 1 << 16);
  c.depth = reader.integer("encoder_depth", c.depth, 0, 1024);
  c.num_heads = reader.integer("encoder_heads", c.num_heads, 1, 1024);
  c.mlp_ratio = reader.real("mlp_ratio", c.mlp_ratio, 0.01, 64);
  c.qkv_bias = reader.boolean("qkv_bias", c.qkv_bias);
  c.mlp_time_embed = reader.boolean("mlp_time_embed", c.mlp_time_embed);
  c.num_classes = reader.integer("num_classes", c.num_classes, -1);
  // Hard-wired to 0 in the published network, whatever the configuration says.
  reader.real("dropout", 0, 0, 1);
  reader.allow("use_checkpoint");
  if (reader.integer("decoder_depth", 0, 0, 1024) != 0)
    throw InputError(where + ".decoder_depth: only 0 is supported; no published configuration has a decoder");
  if (reader.boolean("use_final_conv", false))
    throw InputError(where + ".use_final_conv: only false is supported; the network has no final convolution");
  reader.finish();
  check_vit_trunk_config(c, where);
  if (c.data_chans > 0 && c.num_classes > 0)
    throw InputError(where + ".num_classes: the wavelet network has no null label; accepted: -1");
  return c;
}

nlohmann::json to_json(const MaskUVitConfig& c) {
  nlohmann::json object = {
      {"img_size", c.img_size},           {"patch_size", c.patch_size}, {"in_chans", c.in_chans},
      {"encoder_embed_dim", c.embed_dim}, {"encoder_depth", c.depth},   {"encoder_heads", c.num_heads},
      {"mlp_ratio", c.mlp_ratio},         {"qkv_bias", c.qkv_bias},     {"mlp_time_embed", c.mlp_time_embed},
      {"num_classes", c.num_classes}};
  if (c.data_chans > 0) object["data_chans"] = c.data_chans;
  return object;
}

MaskUVit::MaskUVit(const MaskUVitConfig& config)
    : config_(config), trunk_(parameters_, config, {"encoder.", "encoder_pos_embed", true, true, true}) {
  const std::vector<std::int64_t> bands = config.bands();
  constexpr const char* names[] = {"approx_to_output", "detail_to_output"};
  for (std::size_t band = 0; band < bands.size(); ++band)
    to_pixels_.emplace_back(parameters_, bands.size() == 1 ? "encoder_to_output" : names[band], config.embed_dim,
                            config.patch_values(bands[band]), true, true);
}

at::Tensor MaskUVit::forward(const at::Tensor& x, const at::Tensor& timesteps, const at::Tensor& labels) const {
  std::vector<at::Tensor> bands = forward_visible(x, timesteps, {}, labels);
  for (at::Tensor& band : bands) band = image_of_targets(band, config_.patch_size);
  return bands.size() == 1 ? bands.front() : at::cat(bands, 1);
}

std::vector<at::Tensor> MaskUVit::forward_visible(const at::Tensor& x, const at::Tensor& timesteps,
                                                  const at::Tensor& visible, const at::Tensor& labels) const {
  const at::Tensor tokens = trunk_(x, timesteps, labels, visible);
  const auto count = static_cast<std::int64_t>(to_pixels_.size()), share = tokens.size(1) / count;
  std::vector<at::Tensor> bands;
  bands.reserve(to_pixels_.size());
  for (std::int64_t band = 0; band < count; ++band)
    bands.push_back(to_pixels_[static_cast<std::size_t>(band)](tokens.narrow(1, band * share, share)));
  return bands;
}

at::Tensor MaskUVit::predict(const at::Tensor& x, const at::Tensor& timesteps, const Condition& condition) const {
  return forward(x, timesteps, labels_of(condition));
}

at::Tensor MaskUVit::labels_of(const Condition& condition) const {
  if (condition.layout.defined()) throw InputError("MaskDM: layout given to a network without layout channels");
  if (condition.text.defined()) throw InputError("MaskDM: text given to a network that takes none");
  if (!condition.vector.defined()) return {};
  if (config_.num_classes <= 0) throw InputError("MaskDM: condition given to a network without classes");
  const at::Tensor labels = condition.vector.argmax(1);
  return at::where(condition.vector.sum(1).gt(0), labels, at::zeros_like(labels) - 1);
}

Condition MaskUVit::drop_condition(const Condition& condition, const at::Tensor& drop) const {
  if (config_.num_classes <= 0) throw InputError("MaskDM: a network without classes has no null condition to drop to");
  return {condition.vector * drop.logical_not().unsqueeze(1)};
}

NetworkCost MaskUVit::cost(std::int64_t visible) const {
  const std::int64_t seen = visible > 0 ? visible : config_.patches();
  CostWalk walk(config_.in_chans, config_.img_size, config_.img_size);
  trunk_.count(walk, seen);
  for (const Linear& band : to_pixels_) band.count(walk, seen);
  return walk.cost(parameters_.count());
}

}  // namespace assay
