#pragma once
#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "diffusion/networks/layers.h"

namespace assay {

// The blocks of ADM's networks (guided-diffusion unet.py), with their official keys. Weights may be in half precision
// where convert_to() of the network put them; activations then are too.

/// What one forward pass carries besides the activations.
struct BlockPass {
  at::Tensor embedding;  // [B, E] float32, already through SiLU: every ResBlock starts its projection with it
  at::Tensor context;    // [B, T, D] float32 tokens that TokenAttentionBlock attends to; undefined elsewhere
  at::Generator generator;
  bool training = false;
};

enum class Resample { none, down, up };

class ResBlock {
 public:
  struct Options {
    std::int64_t embedding = 0;  // width of the embedding
    double dropout = 0.0;
    bool scale_shift = true;  // else the embedding is added before the second normalisation
    Resample resample = Resample::none;
    std::int64_t norm_groups = 32;
  };
  ResBlock(Parameters& p, const std::string& name, std::int64_t in, std::int64_t out, const Options& options);
  at::Tensor operator()(const at::Tensor& x, const BlockPass& pass) const;
  void count(CostWalk& walk) const;

 private:
  GroupNorm in_norm_;
  Conv2d in_conv_;
  Linear project_;
  GroupNorm out_norm_;
  Conv2d out_conv_;
  std::optional<Conv2d> skip_;
  Options options_;
};

/// softmax(q^T k / sqrt(d)) v for `heads` heads from qkv [B, 3C, T], giving [B, C, T]. The new order groups the
/// channels as [q,k,v][head][d], the legacy one as [head][q,k,v][d]. The softmax is computed in float32.
at::Tensor qkv_attention(const at::Tensor& qkv, std::int64_t heads, bool new_order);

/// How many heads a block of `channels` has: channels / head_channels, or `heads` where head_channels is -1.
/// Throws InputError when the channels cannot be split so.
std::int64_t head_count(const std::string& name, std::int64_t channels, std::int64_t heads, std::int64_t head_channels);

/// Self-attention over the H*W positions.
class AttentionBlock {
 public:
  AttentionBlock(Parameters& p, const std::string& name, std::int64_t channels, std::int64_t heads, bool new_order,
                 std::int64_t norm_groups);
  at::Tensor operator()(const at::Tensor& x) const;
  void count(CostWalk& walk) const;

 private:
  GroupNorm norm_;
  Conv1x1 qkv_, out_;
  std::int64_t heads_;
  bool new_order_;
};

/// Self-Guided Diffusion's Attention_LR (after imagen-pytorch): every head has its own queries, all share one key and
/// one value; positions attend to the context's tokens, a learned null and each other, in this order.
class TokenAttentionBlock {
 public:
  TokenAttentionBlock(Parameters& p, const std::string& name, std::int64_t channels, std::int64_t heads,
                      std::int64_t context_width, std::int64_t context_tokens);
  at::Tensor operator()(const at::Tensor& x, const BlockPass& pass) const;
  void count(CostWalk& walk) const;

 private:
  const Parameter* null_;  // [2, d]: key, value
  LayerNorm norm_;
  Linear query_, key_value_;
  LayerNorm context_norm_;
  Linear context_key_value_;
  Linear out_;
  LayerNorm out_norm_;
  std::int64_t heads_, width_, context_tokens_;
};

/// Down-sampling outside a ResBlock: a strided convolution (key `op`), or average pooling without weights.
class Downsample {
 public:
  Downsample(Parameters& p, const std::string& name, bool learned, std::int64_t channels);
  at::Tensor operator()(const at::Tensor& x) const;
  void count(CostWalk& walk) const;

 private:
  std::optional<Conv2d> conv_;
};

/// Up-sampling outside a ResBlock: nearest, then a convolution (key `conv`) where learned.
class Upsample {
 public:
  Upsample(Parameters& p, const std::string& name, bool learned, std::int64_t channels);
  at::Tensor operator()(const at::Tensor& x) const;
  void count(CostWalk& walk) const;

 private:
  std::optional<Conv2d> conv_;
};

using UNetBlock = std::variant<Conv2d, ResBlock, AttentionBlock, TokenAttentionBlock, Downsample, Upsample>;
using BlockSequence = std::vector<UNetBlock>;

at::Tensor run(const BlockSequence& blocks, at::Tensor h, const BlockPass& pass);
void count(const BlockSequence& blocks, CostWalk& walk);

}  // namespace assay
