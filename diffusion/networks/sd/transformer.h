#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "diffusion/networks/layers.h"
#include "diffusion/networks/sd/attention.h"
#include "diffusion/networks/sd/feed_forward.h"

namespace assay {

/// A level's transformer: a norm and a projection, blocks of attention to the image, attention to the text and a gated
/// feed-forward layer, each with a residual, and a projection back. Keys as diffusers' Transformer2DModel.
class SdTransformer {
 public:
  struct Options {
    std::int64_t channels = 0, heads = 1;
    std::int64_t text = 0;  // width of the text's states
    std::int64_t layers = 1;
    std::int64_t norm_groups = 32;
    bool linear_projection = false;     // else 1x1 convolutions
    bool only_cross_attention = false;  // the first attention looks at the text too
  };
  SdTransformer(Parameters& parameters, const std::string& name, const Options& options);

  /// [B, C, H, W] from x of that shape and `text` [B, L, D].
  at::Tensor operator()(const at::Tensor& x, const at::Tensor& text, AttentionObserver* observer) const;
  void count(CostWalk& walk, std::int64_t text_tokens) const;

 private:
  struct Block {
    Block(Parameters& parameters, const std::string& name, const Options& options);
    at::Tensor operator()(at::Tensor x, const at::Tensor& text, AttentionObserver* observer) const;

    LayerNorm norm1, norm2, norm3;
    SdAttention attn1, attn2;
    GatedFeedForward ff;
    bool only_cross_attention;
  };

  GroupNorm norm_;
  Projection proj_in_, proj_out_;
  std::vector<Block> blocks_;
};

}  // namespace assay
