#include "diffusion/networks/adm/unet_blocks.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/avg_pool2d.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/upsample_nearest2d.h>
#include <fmt/format.h>

#include <array>
#include <cmath>
#include <type_traits>

#include "core/error.h"

namespace assay {
namespace {

at::Tensor halve(const at::Tensor& x) { return at::avg_pool2d(x, {2, 2}); }

at::Tensor twice(const at::Tensor& x) {
  return at::upsample_nearest2d(x, std::array<std::int64_t, 2>{2 * x.size(2), 2 * x.size(3)});
}

}  // namespace

ResBlock::ResBlock(Parameters& p, const std::string& name, std::int64_t in, std::int64_t out, const Options& options)
    : in_norm_(p, name + ".in_layers.0", in, options.norm_groups),
      in_conv_(p, name + ".in_layers.2", in, out, 3),
      project_(p, name + ".emb_layers.1", options.embedding, options.scale_shift ? 2 * out : out),
      out_norm_(p, name + ".out_layers.0", out, options.norm_groups),
      out_conv_(p, name + ".out_layers.3", out, out, 3, 1, true),
      options_(options) {
  if (in != out) skip_.emplace(p, name + ".skip_connection", in, out, 1);
}

at::Tensor ResBlock::operator()(const at::Tensor& x, const BlockPass& pass) const {
  // Resampling comes before the first convolution, on both paths.
  at::Tensor h = in_norm_.silu(x);
  at::Tensor straight = x;
  if (options_.resample != Resample::none) {
    const bool down = options_.resample == Resample::down;
    h = down ? halve(h) : twice(h);
    straight = down ? halve(x) : twice(x);
  }

  const at::Tensor projected = project_(pass.embedding);
  h = options_.scale_shift ? out_norm_.modulated_silu(in_conv_(h), projected)
                           : out_norm_.silu(in_conv_.plus_channels(h, projected.to(in_conv_.type())));
  if (pass.training && options_.dropout > 0) {
    // Drawn on the CPU for every device: the same seed drops the same activations everywhere.
    const at::Tensor kept = at::empty(h.sizes(), at::kFloat).bernoulli_(1.0 - options_.dropout, pass.generator);
    h = h * kept.to(h.device(), h.scalar_type()) / (1.0 - options_.dropout);
  }
  return out_conv_.plus(h, skip_ ? (*skip_)(straight) : straight);
}

void ResBlock::count(CostWalk& walk) const {
  const std::int64_t input = walk.values();
  walk.hold(input);  // x, for the skip
  walk.work(2 * input);
  walk.keep(2 * input);
  std::int64_t straight = 0;
  if (options_.resample != Resample::none) {
    options_.resample == Resample::down ? walk.halve() : walk.twice();
    straight = walk.values();
    walk.work(input + 2 * straight);
  }
  walk.hold(straight);
  const std::int64_t in_channels = walk.channels();
  in_conv_.count(walk);
  project_.count(walk);
  const std::int64_t out = walk.values();
  walk.work(2 * out);
  walk.keep(3 * out);
  out_conv_.count(walk);
  if (skip_) {
    walk.hold(out);  // h, while the skip is convolved
    walk.set_channels(in_channels);
    skip_->count(walk);
    walk.hold(-out);
    walk.work(3 * out);
  } else {
    walk.work(2 * out);
  }
  walk.hold(-input - straight);
}

at::Tensor qkv_attention(const at::Tensor& qkv, std::int64_t heads, bool new_order) {
  const std::int64_t batch = qkv.size(0), channels = qkv.size(1) / 3, positions = qkv.size(2);
  const std::int64_t width = channels / heads;
  const at::Tensor split = new_order ? qkv.view({batch, 3, heads, width, positions})
                                     : qkv.view({batch, heads, 3, width, positions}).transpose(1, 2);
  const double scale = 1.0 / std::sqrt(std::sqrt(static_cast<double>(width)));
  const at::Tensor query = split.select(1, 0) * scale, key = split.select(1, 1) * scale, value = split.select(1, 2);
  at::Tensor weights = at::matmul(query.transpose(2, 3), key);
  weights = at::softmax(weights, -1, at::kFloat).to(qkv.scalar_type());
  return at::matmul(value, weights.transpose(2, 3)).reshape({batch, channels, positions});
}

std::int64_t head_count(const std::string& name, std::int64_t channels, std::int64_t heads,
                        std::int64_t head_channels) {
  const std::int64_t count = head_channels == -1 ? heads : channels / head_channels;
  if (count < 1 || channels % count != 0 || (head_channels != -1 && channels % head_channels != 0))
    throw InputError(fmt::format(
        "{}: {} channels cannot be split into {}", name, channels,
        head_channels == -1 ? fmt::format("{} heads", heads) : fmt::format("heads of {} channels", head_channels)));
  return count;
}

AttentionBlock::AttentionBlock(Parameters& p, const std::string& name, std::int64_t channels, std::int64_t heads,
                               bool new_order, std::int64_t norm_groups)
    : norm_(p, name + ".norm", channels, norm_groups),
      qkv_(p, name + ".qkv", channels, 3 * channels),
      out_(p, name + ".proj_out", channels, channels, true),
      heads_(heads),
      new_order_(new_order) {}

at::Tensor AttentionBlock::operator()(const at::Tensor& x) const {
  const at::Tensor flat = norm_(x).reshape({x.size(0), x.size(1), x.size(2) * x.size(3)});
  return x + out_(qkv_attention(qkv_(flat), heads_, new_order_)).reshape(x.sizes());
}

void AttentionBlock::count(CostWalk& walk) const {
  const std::int64_t positions = walk.positions(), values = walk.values(), weights = heads_ * positions * positions;
  qkv_.count(walk, positions);
  walk.multiply(positions, walk.channels(), positions);  // queries with keys, over all heads
  walk.multiply(positions, positions, walk.channels());  // weights with values
  out_.count(walk, positions);
  // x, the normalised copy and qkv before and after its bias; then queries, keys and the weights around the softmax.
  walk.work(std::max(8 * values, 7 * values + 2 * weights));
  walk.keep(9 * values + weights);
}

TokenAttentionBlock::TokenAttentionBlock(Parameters& p, const std::string& name, std::int64_t channels,
                                         std::int64_t heads, std::int64_t context_width, std::int64_t context_tokens)
    : null_(p.declare({name + ".null_kv", {2, channels / heads}, Initial::normal})),
      norm_(p, name + ".norm", channels, LayerNorm::Keys::gamma_beta),
      query_(p, name + ".to_q", channels, heads * (channels / heads), false),
      key_value_(p, name + ".to_kv", channels, 2 * (channels / heads), false),
      context_norm_(p, name + ".to_context.0", context_width, LayerNorm::Keys::weight_bias),
      context_key_value_(p, name + ".to_context.1", context_width, 2 * (channels / heads)),
      out_(p, name + ".to_out.0", heads * (channels / heads), channels, false),
      out_norm_(p, name + ".to_out.1", channels, LayerNorm::Keys::gamma_beta),
      heads_(heads),
      width_(channels / heads),
      context_tokens_(context_tokens) {}

at::Tensor TokenAttentionBlock::operator()(const at::Tensor& x, const BlockPass& pass) const {
  const std::int64_t batch = x.size(0), positions = x.size(2) * x.size(3);
  const at::Tensor pixels = x.flatten(2).transpose(1, 2);  // [B, HW, C]
  const at::Tensor normed = norm_(pixels);
  // [B, heads, HW, d] against one key and value [B, tokens + 1 + HW, d].
  const at::Tensor query =
      query_(normed).view({batch, positions, heads_, width_}).transpose(1, 2) / std::sqrt(static_cast<double>(width_));
  const at::Tensor key_value =
      at::cat({context_key_value_(context_norm_(pass.context)),
               null_->value.view({1, 1, 2 * width_}).expand({batch, 1, 2 * width_}), key_value_(normed)},
              1)
          .unsqueeze(1);
  const at::Tensor key = key_value.narrow(3, 0, width_), value = key_value.narrow(3, width_, width_);
  const at::Tensor weights = at::softmax(at::matmul(query, key.transpose(2, 3)), -1);
  const at::Tensor mixed = at::matmul(weights, value).transpose(1, 2).reshape({batch, positions, heads_ * width_});
  return (pixels + out_norm_(out_(mixed))).transpose(1, 2).reshape(x.sizes());
}

void TokenAttentionBlock::count(CostWalk& walk) const {
  const std::int64_t positions = walk.positions(), values = walk.values();
  const std::int64_t keys = context_tokens_ + 1 + positions, weights = heads_ * positions * keys;
  query_.count(walk, positions);
  key_value_.count(walk, positions);
  context_key_value_.count(walk, context_tokens_);
  walk.multiply(heads_ * positions, width_, keys);
  walk.multiply(heads_ * positions, keys, width_);
  out_.count(walk, positions);
  walk.work(4 * values + 4 * keys * width_ + 2 * weights);
  walk.keep(5 * values + 3 * keys * width_ + weights);
}

Downsample::Downsample(Parameters& p, const std::string& name, bool learned, std::int64_t channels) {
  if (learned) conv_.emplace(p, name + ".op", channels, channels, 3, 2);
}

at::Tensor Downsample::operator()(const at::Tensor& x) const { return conv_ ? (*conv_)(x) : halve(x); }

void Downsample::count(CostWalk& walk) const {
  if (conv_) {
    conv_->count(walk);
    return;
  }
  const std::int64_t before = walk.values();
  walk.halve();
  walk.work(before + walk.values());
}

Upsample::Upsample(Parameters& p, const std::string& name, bool learned, std::int64_t channels) {
  if (learned) conv_.emplace(p, name + ".conv", channels, channels, 3);
}

at::Tensor Upsample::operator()(const at::Tensor& x) const { return conv_ ? (*conv_)(twice(x)) : twice(x); }

void Upsample::count(CostWalk& walk) const {
  const std::int64_t before = walk.values();
  walk.twice();
  walk.hold(before);
  walk.work(walk.values());
  if (conv_) conv_->count(walk);
  walk.hold(-before);
}

at::Tensor run(const BlockSequence& blocks, at::Tensor h, const BlockPass& pass) {
  for (const UNetBlock& block : blocks)
    h = std::visit(
        [&](const auto& b) {
          if constexpr (std::is_invocable_v<decltype(b), const at::Tensor&, const BlockPass&>)
            return b(h, pass);
          else
            return b(h);
        },
        block);
  return h;
}

void count(const BlockSequence& blocks, CostWalk& walk) {
  for (const UNetBlock& block : blocks) std::visit([&](const auto& b) { b.count(walk); }, block);
}

}  // namespace assay
