#include "metrics/features/vision_transformer.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/upsample_bicubic2d.h>
#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "core/config.h"
#include "core/convertible_weights.h"
#include "core/error.h"
#include "core/safetensors.h"

namespace assay {
namespace {

std::int64_t hidden_width(const VisionTransformerConfig& config) {
  return static_cast<std::int64_t>(static_cast<double>(config.embed_dim) * config.mlp_ratio);
}

void check_depth(const VisionTransformerConfig& config) {
  if (config.depth < 2) throw InputError(fmt::format("ViT: depth {}; accepted: at least 2", config.depth));
}

std::string block_name(std::int64_t index) { return fmt::format("blocks.{}", index); }

}  // namespace

VisionTransformerConfig read_vision_transformer_config(const nlohmann::json& object, const std::string& where) {
  ConfigReader reader(object, where);
  VisionTransformerConfig c;
  c.img_size = reader.integer("img_size", c.img_size, 1, 8192);
  c.patch_size = reader.integer("patch_size", c.patch_size, 1, 1024);
  c.embed_dim = reader.integer("embed_dim", c.embed_dim, 1, 16384);
  c.depth = reader.integer("depth", c.depth, 2, 256);
  c.num_heads = reader.integer("num_heads", c.num_heads, 1, 256);
  c.mlp_ratio = reader.real("mlp_ratio", c.mlp_ratio, 0.01, 64);
  c.qkv_bias = reader.boolean("qkv_bias", c.qkv_bias);
  c.layer_norm_eps = reader.real("layer_norm_eps", c.layer_norm_eps, 0, 1);
  c.layer_scale = reader.boolean("layer_scale", c.layer_scale);
  c.mask_token = reader.boolean("mask_token", c.mask_token);
  reader.finish();
  if (c.img_size % c.patch_size != 0)
    throw InputError(fmt::format("{}: img_size {} is no multiple of patch_size {}", where, c.img_size, c.patch_size));
  if (c.embed_dim % c.num_heads != 0)
    throw InputError(fmt::format("{}: embed_dim {} is no multiple of num_heads {}", where, c.embed_dim, c.num_heads));
  return c;
}

VisionTransformerConfig detect_vision_transformer(const std::filesystem::path& weights) {
  const SafetensorsFile file(weights);
  const auto shape = [&](const std::string& name, std::size_t dimensions) {
    if (!file.has(name) || file.at(name).shape.size() != dimensions) {
      const std::string hint = conversion_hint(file);
      throw InputError(fmt::format("{}: no DINO network: '{}' is missing or has another shape{}{}", weights.string(),
                                   name, hint.empty() ? "" : ". ", hint));
    }
    return file.at(name).shape;
  };
  VisionTransformerConfig c;
  const auto patch = shape("patch_embed.proj.weight", 4), positions = shape("pos_embed", 3);
  c.embed_dim = patch[0];
  c.patch_size = patch[2];
  const auto side = static_cast<std::int64_t>(std::lround(std::sqrt(static_cast<double>(positions[1] - 1))));
  c.img_size = side * c.patch_size;
  c.num_heads = std::max<std::int64_t>(1, c.embed_dim / 64);
  c.depth = 0;
  while (file.has(block_name(c.depth) + ".norm1.weight")) ++c.depth;
  if (file.has("blocks.0.mlp.w12.weight"))
    throw InputError(
        fmt::format("{}: the giant DINOv2 (SwiGLU) is not supported; accepted: vits14, vitb14, vitl14 and DINO's ViTs",
                    weights.string()));
  if (c.depth < 2) throw InputError(fmt::format("{}: no DINO network: {} blocks", weights.string(), c.depth));
  c.mlp_ratio = static_cast<double>(shape("blocks.0.mlp.fc1.weight", 2)[0]) / static_cast<double>(c.embed_dim);
  c.layer_scale = file.has("blocks.0.ls1.gamma");
  c.mask_token = file.has("mask_token");
  return c;
}

std::vector<WeightShape> VisionTransformer::state(const VisionTransformerConfig& config) {
  const std::int64_t d = config.embed_dim, grid = config.img_size / config.patch_size, hidden = hidden_width(config);
  std::vector<WeightShape> state = {{"cls_token", {1, 1, d}},
                                    {"pos_embed", {1, 1 + grid * grid, d}},
                                    {"patch_embed.proj.weight", {d, 3, config.patch_size, config.patch_size}},
                                    {"patch_embed.proj.bias", {d}}};
  const auto layer = [&](const std::string& name, std::vector<std::int64_t> shape, bool bias = true) {
    const std::int64_t out = shape.front();
    state.push_back({name + ".weight", std::move(shape)});
    if (bias) state.push_back({name + ".bias", {out}});
  };
  if (config.mask_token) state.push_back({"mask_token", {1, d}});
  for (std::int64_t i = 0; i < config.depth; ++i) {
    const std::string block = block_name(i);
    layer(block + ".norm1", {d});
    layer(block + ".attn.qkv", {3 * d, d}, config.qkv_bias);
    layer(block + ".attn.proj", {d, d});
    layer(block + ".norm2", {d});
    layer(block + ".mlp.fc1", {hidden, d});
    layer(block + ".mlp.fc2", {d, hidden});
    if (!config.layer_scale) continue;
    for (const char* gain : {".ls1.gamma", ".ls2.gamma"}) state.push_back({block + gain, {d}});
  }
  layer("norm", {d});
  return state;
}

VisionTransformer::VisionTransformer(const VisionTransformerConfig& config, const std::filesystem::path& weights,
                                     at::Device device)
    : config_(config),
      weights_(load_network_weights(weights, state(config),
                                    "Expected is a DINO or DINOv2 ViT through tools/convert_weights.py")) {
  check_depth(config);
  for (auto& [name, value] : weights_) value = value.to(device);
}

VisionTransformer::VisionTransformer(const VisionTransformerConfig& config, std::map<std::string, at::Tensor> weights)
    : config_(config), weights_(std::move(weights)) {
  check_depth(config);
  for (const WeightShape& expected : state(config))
    if (const auto found = weights_.find(expected.name);
        found == weights_.end() || found->second.sizes() != at::IntArrayRef(expected.shape))
      throw Error(fmt::format("ViT: '{}' is missing or has another shape", expected.name));
}

at::Tensor VisionTransformer::linear(const std::string& name, const at::Tensor& x) const {
  const auto bias = weights_.find(name + ".bias");
  return at::linear(x, weight(name + ".weight"), bias == weights_.end() ? at::Tensor() : bias->second);
}

at::Tensor VisionTransformer::norm(const std::string& name, const at::Tensor& x) const {
  return at::layer_norm(x, {config_.embed_dim}, weight(name + ".weight"), weight(name + ".bias"),
                        config_.layer_norm_eps);
}

at::Tensor VisionTransformer::scaled(const std::string& name, const at::Tensor& x) const {
  return config_.layer_scale ? x * weight(name + ".gamma") : x;
}

VisionTransformer::Attention VisionTransformer::attention(const std::string& name, const at::Tensor& x) const {
  const std::int64_t batch = x.size(0), tokens = x.size(1), d = config_.embed_dim, head = d / config_.num_heads;
  const at::Tensor qkv = linear(name + ".qkv", x);
  Attention a;
  a.q = qkv.narrow(2, 0, d);
  a.k = qkv.narrow(2, d, d);
  a.v = qkv.narrow(2, 2 * d, d);
  const auto heads = [&](const at::Tensor& t) {
    return t.reshape({batch, tokens, config_.num_heads, head}).transpose(1, 2);
  };
  a.probabilities = at::softmax(
      at::matmul(heads(a.q), heads(a.k).transpose(2, 3)) * (1.0 / std::sqrt(static_cast<double>(head))), -1);
  a.out = linear(name + ".proj", at::matmul(a.probabilities, heads(a.v)).transpose(1, 2).reshape({batch, tokens, d}));
  return a;
}

at::Tensor VisionTransformer::position_embeddings(std::int64_t rows, std::int64_t columns) const {
  const at::Tensor& all = weight("pos_embed");
  const std::int64_t d = config_.embed_dim, grid = config_.img_size / config_.patch_size;
  if (rows == grid && columns == grid) return all;
  // A tenth is added against rounding of the size; the official code lets it move the places too.
  const double row_scale = (static_cast<double>(rows) + 0.1) / static_cast<double>(grid);
  const double column_scale = (static_cast<double>(columns) + 0.1) / static_cast<double>(grid);
  const at::Tensor patches = all.narrow(1, 1, grid * grid).reshape({1, grid, grid, d}).permute({0, 3, 1, 2});
  const at::Tensor resized =
      at::upsample_bicubic2d(patches, {rows, columns}, /*align_corners=*/false, row_scale, column_scale);
  return at::cat({all.narrow(1, 0, 1), resized.permute({0, 2, 3, 1}).reshape({1, rows * columns, d})}, 1);
}

VisionTransformerOutputs VisionTransformer::forward(const at::Tensor& images) const {
  if (images.dim() != 4 || images.size(1) != 3 || images.size(2) < config_.patch_size ||
      images.size(3) < config_.patch_size || images.size(2) % config_.patch_size != 0 ||
      images.size(3) % config_.patch_size != 0)
    throw InputError(fmt::format("ViT: images must be [B, 3, H, W] with H and W multiples of {}", config_.patch_size));
  const at::Tensor patches = at::conv2d(images, weight("patch_embed.proj.weight"), weight("patch_embed.proj.bias"),
                                        {config_.patch_size, config_.patch_size});
  const std::int64_t batch = images.size(0);
  VisionTransformerOutputs out;
  out.pos_embed_used = position_embeddings(patches.size(2), patches.size(3));
  at::Tensor x =
      at::cat({weight("cls_token").expand({batch, 1, config_.embed_dim}), patches.flatten(2).transpose(1, 2)}, 1) +
      out.pos_embed_used;
  for (std::int64_t i = 0; i < config_.depth; ++i) {
    const std::string block = block_name(i);
    const Attention a = attention(block + ".attn", norm(block + ".norm1", x));
    x = x + scaled(block + ".ls1", a.out);
    const at::Tensor hidden = at::gelu(linear(block + ".mlp.fc1", norm(block + ".norm2", x)));
    x = x + scaled(block + ".ls2", linear(block + ".mlp.fc2", hidden));
    if (i == config_.depth - 2) out.second_last_normed = norm("norm", x);
    if (i < config_.depth - 1) continue;
    out.last_attention = a.probabilities;
    out.last_q = a.q;
    out.last_k = a.k;
    out.last_v = a.v;
  }
  out.tokens_normed = norm("norm", x);
  out.cls = out.tokens_normed.select(1, 0);
  return out;
}

}  // namespace assay
