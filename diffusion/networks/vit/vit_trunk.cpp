#include "diffusion/networks/vit/vit_trunk.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros_like.h>
#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "core/error.h"
#include "diffusion/networks/timestep_embedding.h"
#include "kernels/visible_index.h"
#include "kernels/visible_patches.h"
#include "kernels/visible_tokens.h"

namespace assay {

void check_vit_trunk_config(const VitTrunkConfig& c, const std::string& where) {
  if (c.img_size % c.patch_size != 0)
    throw InputError(
        fmt::format("{}.img_size: {} is not a multiple of patch_size {}", where, c.img_size, c.patch_size));
  if (c.embed_dim % c.num_heads != 0)
    throw InputError(
        fmt::format("{}: width {} is not a multiple of the number of heads {}", where, c.embed_dim, c.num_heads));
  if (c.embed_dim % 2 != 0) throw InputError(fmt::format("{}: width {}; accepted: an even number", where, c.embed_dim));
  if (c.data_chans > 0 && c.in_chans != 4 * c.data_chans)
    throw InputError(fmt::format("{}.in_chans: {}; accepted: {}, the Haar bands of images with {} channels", where,
                                 c.in_chans, 4 * c.data_chans, c.data_chans));
  if (c.num_classes == 0) throw InputError(where + ".num_classes: 0; accepted: -1 for none, or 1 and more");
}

namespace {

void check_bands(const at::Tensor& visible, const VitTrunkConfig& config) {
  const auto bands = config.bands().size();
  if (bands == 1) return;
  bool apart = visible.size(1) % static_cast<std::int64_t>(bands) == 0;
  for (std::size_t band = 0; apart && band < bands; ++band) {
    const at::Tensor numbers = visible_of_band(visible, config, band);
    apart = numbers.ge(0).all().item<bool>() && numbers.lt(config.patches()).all().item<bool>();
  }
  if (!apart)
    throw InputError("transformer: visible patches must be as many of the approximation, then of the details");
}

}  // namespace

VitTrunk::Block::Block(Parameters& p, const std::string& name, const VitTrunkConfig& config, const VitTrunkKeys& keys,
                       bool skip)
    : norm1_(p, name + ".norm1", config.embed_dim, LayerNorm::Keys::weight_bias),
      qkv_(p, name + ".attn.qkv", config.embed_dim, 3 * config.embed_dim, config.qkv_bias && !keys.separate_bias, true),
      out_(p, name + ".attn.proj", config.embed_dim, config.embed_dim, true, true),
      norm2_(p, name + ".norm2", config.embed_dim, LayerNorm::Keys::weight_bias),
      fc1_(p, name + ".mlp.fc1", config.embed_dim,
           static_cast<std::int64_t>(static_cast<double>(config.embed_dim) * config.mlp_ratio), true, true),
      fc2_(p, name + ".mlp.fc2", static_cast<std::int64_t>(static_cast<double>(config.embed_dim) * config.mlp_ratio),
           config.embed_dim, true, true),
      heads_(config.num_heads),
      width_(config.embed_dim) {
  if (config.qkv_bias && keys.separate_bias) {
    q_bias_ = p.declare({name + ".attn.q_bias", {width_}, Initial::zeros});
    v_bias_ = p.declare({name + ".attn.v_bias", {width_}, Initial::zeros});
  }
  if (skip) skip_.emplace(p, name + ".skip_linear", 2 * width_, width_, true, true);
}

at::Tensor VitTrunk::Block::operator()(at::Tensor x, const at::Tensor& skip) const {
  if (skip_) x = (*skip_)(at::cat({x, skip}, 2));
  const std::int64_t batch = x.size(0), tokens = x.size(1);
  at::Tensor qkv = qkv_(norm1_(x));
  if (q_bias_) qkv = qkv + at::cat({q_bias_->value, at::zeros_like(q_bias_->value), v_bias_->value});
  qkv = qkv.view({batch, tokens, 3, heads_, width_ / heads_}).permute({2, 0, 3, 1, 4});
  const at::Tensor attended = at::scaled_dot_product_attention(qkv[0], qkv[1], qkv[2]);
  x = x + out_(attended.transpose(1, 2).reshape({batch, tokens, width_}));
  return x + fc2_(at::gelu(fc1_(norm2_(x))));
}

void VitTrunk::Block::count(CostWalk& walk, std::int64_t tokens) const {
  if (skip_) skip_->count(walk, tokens);
  qkv_.count(walk, tokens);
  walk.multiply(tokens, width_, 2 * tokens);  // scores and their sum over values
  out_.count(walk, tokens);
  fc1_.count(walk, tokens);
  fc2_.count(walk, tokens);
  walk.work(10 * tokens * width_);
  walk.keep(16 * tokens * width_);
}

std::vector<VitTrunk::PatchEmbedding> VitTrunk::declare_embeddings(Parameters& p, const VitTrunkConfig& config,
                                                                   const VitTrunkKeys& keys) {
  const auto declare = [&](const std::string& band, std::int64_t chans) {
    const std::string name = keys.prefix + band + "patch_embed.proj";
    const std::int64_t values = config.patch_values(chans);
    return PatchEmbedding{chans,
                          p.declare({name + ".weight",
                                     {config.embed_dim, chans, config.patch_size, config.patch_size},
                                     Initial::uniform_fan_in,
                                     values}),
                          p.declare({name + ".bias", {config.embed_dim}, Initial::uniform_fan_in, values})};
  };
  const std::vector<std::int64_t> bands = config.bands();
  if (bands.size() == 1) return {declare("", bands[0])};
  return {declare("approx_", bands[0]), declare("detail_", bands[1])};
}

VitTrunk::VitTrunk(Parameters& p, const VitTrunkConfig& config, const VitTrunkKeys& keys)
    : config_(config),
      embeddings_(declare_embeddings(p, config, keys)),
      position_(p.declare({keys.prefix + keys.position,
                           {1, config.extras() + config.all_patches(), config.embed_dim},
                           Initial::normal_002})),
      norm_(p, keys.prefix + "norm", config.embed_dim, LayerNorm::Keys::weight_bias) {
  if (config.mlp_time_embed) {
    time_0_.emplace(p, keys.prefix + "time_embed.0", config.embed_dim, 4 * config.embed_dim, true, true);
    time_2_.emplace(p, keys.prefix + "time_embed.2", 4 * config.embed_dim, config.embed_dim, true, true);
  }
  if (config.num_classes > 0) {
    label_ = p.declare({keys.prefix + "label_emb.weight", {config.num_classes, config.embed_dim}, Initial::normal});
    if (keys.null_label)
      null_label_ = p.declare({keys.prefix + "uncond_embed", {1, config.embed_dim}, Initial::normal_002});
  }
  for (std::int64_t i = 0; i < config.depth / 2; ++i)
    in_.emplace_back(p, fmt::format("{}in_blocks.{}", keys.prefix, i), config, keys, false);
  middle_.emplace_back(p, keys.prefix + "mid_block", config, keys, false);
  for (std::int64_t i = 0; i < config.depth / 2; ++i)
    out_.emplace_back(p, fmt::format("{}out_blocks.{}", keys.prefix, i), config, keys, keys.skips);
}

at::Tensor VitTrunk::patch_tokens(const at::Tensor& x, const at::Tensor& visible) const {
  std::vector<at::Tensor> tokens;
  std::int64_t first = 0;
  for (std::size_t band = 0; band < embeddings_.size(); ++band) {
    const PatchEmbedding& e = embeddings_[band];
    const at::Tensor pixels = gather_patches(x.narrow(1, first, e.chans), visible_of_band(visible, config_, band),
                                             config_.patch_size, PatchOrder::channel_first);
    const at::Tensor weight = e.weight->value.view({config_.embed_dim, config_.patch_values(e.chans)});
    tokens.push_back(at::linear(pixels, weight, e.bias->value));
    first += e.chans;
  }
  return tokens.size() == 1 ? tokens.front() : at::cat(tokens, 1);
}

at::Tensor VitTrunk::extra_tokens(const at::Tensor& timesteps, const at::Tensor& labels, std::int64_t batch) const {
  at::Tensor time = timestep_embedding(timesteps, config_.embed_dim);
  if (time_0_) time = (*time_2_)(at::silu((*time_0_)(time)));
  time = time.unsqueeze(1);
  if (!label_) {
    if (labels.defined()) throw InputError("transformer: labels given to a network without classes");
    return time;
  }
  at::Tensor label;
  if (labels.defined()) {
    const std::int64_t lowest = null_label_ ? -1 : 0;
    if (labels.dim() != 1 || labels.size(0) != batch || labels.lt(lowest).any().item<bool>() ||
        labels.ge(config_.num_classes).any().item<bool>())
      throw InputError(
          fmt::format("transformer: labels must be {} numbers from {} to {}", batch, lowest, config_.num_classes - 1));
    label = at::embedding(label_->value, labels.clamp_min(0));
    if (null_label_) label = at::where(labels.lt(0).unsqueeze(1), null_label_->value, label);
  } else {
    if (!null_label_) throw InputError("transformer: a class-conditional network without a null label needs labels");
    label = null_label_->value.expand({batch, config_.embed_dim});
  }
  return at::cat({label.unsqueeze(1), time}, 1);
}

at::Tensor VitTrunk::operator()(const at::Tensor& x, const at::Tensor& timesteps, const at::Tensor& labels,
                                const at::Tensor& visible) const {
  if (x.dim() != 4 || x.size(1) != config_.in_chans || x.size(2) != config_.img_size || x.size(3) != config_.img_size)
    throw InputError(
        fmt::format("transformer: x must be [B, {}, {}, {}]", config_.in_chans, config_.img_size, config_.img_size));
  const std::int64_t batch = x.size(0), extras = config_.extras(), width = config_.embed_dim;
  if (visible.defined()) {
    const std::string fault = visible_fault(visible, batch, config_.all_patches(), x.device());
    if (!fault.empty()) throw InputError("transformer: " + fault);
    if (visible.size(1) < 1) throw InputError("transformer: no patch is visible; accepted: at least one an image");
    check_bands(visible, config_);
  }

  at::Tensor h = visible_tokens(extra_tokens(timesteps, labels, batch), patch_tokens(x, visible),
                                position_->value.view({extras + config_.all_patches(), width}), visible);
  std::vector<at::Tensor> skips;
  for (const Block& block : in_) {
    h = block(h, {});
    skips.push_back(h);
  }
  h = middle_.front()(h, {});
  for (const Block& block : out_) {
    h = block(h, skips.back());
    skips.pop_back();
  }
  h = norm_(h);
  return h.narrow(1, extras, h.size(1) - extras);
}

void VitTrunk::count(CostWalk& walk, std::int64_t visible) const {
  const auto bands = static_cast<std::int64_t>(embeddings_.size());
  const std::int64_t tokens = bands * visible + config_.extras(), width = config_.embed_dim;
  for (const PatchEmbedding& e : embeddings_) walk.multiply(visible, config_.patch_values(e.chans), width);
  if (time_0_) {
    time_0_->count(walk);
    time_2_->count(walk);
  }
  for (const Block& block : in_) {
    block.count(walk, tokens);
    walk.hold(tokens * width);
  }
  middle_.front().count(walk, tokens);
  for (const Block& block : out_) {
    block.count(walk, tokens);
    walk.hold(-tokens * width);
  }
}

at::Tensor visible_of_band(const at::Tensor& visible, const VitTrunkConfig& config, std::size_t band) {
  const auto bands = static_cast<std::int64_t>(config.bands().size()), number = static_cast<std::int64_t>(band);
  if (bands == 1 || !visible.defined()) return visible;
  const std::int64_t share = visible.size(1) / bands;
  return visible.narrow(1, number * share, share) - number * config.patches();
}

at::Tensor patch_targets(const at::Tensor& x, std::int64_t patch, const at::Tensor& visible) {
  return gather_patches(x, visible, patch, PatchOrder::channel_last);
}

at::Tensor image_of_targets(const at::Tensor& tokens, std::int64_t patch) {
  const std::int64_t side = std::llround(std::sqrt(static_cast<double>(tokens.size(1)))) * patch;
  return scatter_patches(tokens, {}, side, side, patch, PatchOrder::channel_last);
}

}  // namespace assay
