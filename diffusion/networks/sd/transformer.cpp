#include "diffusion/networks/sd/transformer.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/gelu.h>
#include <fmt/format.h>

#include <utility>

namespace assay {
namespace {

/// The width inside: as many channels as the heads share evenly.
std::int64_t inner_width(const SdTransformer::Options& o) { return o.channels / o.heads * o.heads; }

Projection::Kept kept(const SdTransformer::Options& o) {
  return o.linear_projection ? Projection::Kept::as_matrix : Projection::Kept::as_convolution;
}

SdAttention::Options attention_to(const SdTransformer::Options& o, std::int64_t context) {
  return {inner_width(o), context, o.heads, o.channels / o.heads};
}

}  // namespace

SdTransformer::Block::Block(Parameters& p, const std::string& name, const Options& o)
    : norm1(p, name + ".norm1", inner_width(o), LayerNorm::Keys::weight_bias),
      norm2(p, name + ".norm2", inner_width(o), LayerNorm::Keys::weight_bias),
      norm3(p, name + ".norm3", inner_width(o), LayerNorm::Keys::weight_bias),
      attn1(p, name + ".attn1", attention_to(o, o.only_cross_attention ? o.text : inner_width(o))),
      attn2(p, name + ".attn2", attention_to(o, o.text)),
      ff(p, name + ".ff", inner_width(o)),
      only_cross_attention(o.only_cross_attention) {}

at::Tensor SdTransformer::Block::operator()(at::Tensor x, const at::Tensor& text, AttentionObserver* observer) const {
  {
    const at::Tensor normed = norm1(x);
    x = attn1.plus(normed, only_cross_attention ? text : normed, x, observer);
  }
  x = attn2.plus(norm2(x), text, x, observer);
  return ff(norm3(x), x);
}

SdTransformer::SdTransformer(Parameters& p, const std::string& name, const Options& o)
    : norm_(p, name + ".norm", o.channels, o.norm_groups, 1e-6),
      proj_in_(p, name + ".proj_in", o.channels, inner_width(o), true, kept(o)),
      proj_out_(p, name + ".proj_out", inner_width(o), o.channels, true, kept(o)) {
  for (std::int64_t i = 0; i < o.layers; ++i)
    blocks_.emplace_back(p, fmt::format("{}.transformer_blocks.{}", name, i), o);
}

at::Tensor SdTransformer::operator()(const at::Tensor& x, const at::Tensor& text, AttentionObserver* observer) const {
  // A 1x1 convolution is a linear layer on each position's channels.
  at::Tensor tokens = proj_in_(norm_(x).flatten(2).transpose(1, 2));
  for (const Block& block : blocks_) tokens = block(std::move(tokens), text, observer);
  return proj_out_.plus(tokens, x.flatten(2).transpose(1, 2)).transpose(1, 2).reshape(x.sizes());
}

void SdTransformer::count(CostWalk& walk, std::int64_t text_tokens) const {
  const std::int64_t positions = walk.positions();
  proj_in_.count(walk, positions);
  for (const Block& block : blocks_) {
    block.attn1.count(walk, positions, block.only_cross_attention ? text_tokens : positions);
    block.attn2.count(walk, positions, text_tokens);
    block.ff.count(walk, positions);
  }
  proj_out_.count(walk, positions);
  // Tokens, gated features of eight times their width and what was made of these.
  walk.work(14 * walk.values());
  walk.keep(30 * walk.values());
}

}  // namespace assay
