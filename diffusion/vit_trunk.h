#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "diffusion/layers.h"
#include "diffusion/network_cost.h"
#include "diffusion/parameters.h"

namespace assay {

/// What U-ViT (libs/uvit.py) and MaskDM's network (models/mask_uvit.py) share.
struct VitTrunkConfig {
  std::int64_t img_size = 64;   // pixels a side, a multiple of patch_size
  std::int64_t patch_size = 4;  // pixels a side
  std::int64_t in_chans = 3;
  std::int64_t embed_dim = 512;  // d, a multiple of num_heads, even
  std::int64_t depth = 13;       // depth / 2 blocks in, one in the middle, as many out
  std::int64_t num_heads = 8;
  double mlp_ratio = 4;
  bool qkv_bias = false;
  bool mlp_time_embed = false;    // two linear layers after the sinusoid
  std::int64_t num_classes = -1;  // above 0: a label token before the time token

  std::int64_t grid() const { return img_size / patch_size; }
  std::int64_t patches() const { return grid() * grid(); }
  /// Tokens before those of the patches: the time's and, with classes, before it the label's.
  std::int64_t extras() const { return num_classes > 0 ? 2 : 1; }
  std::int64_t patch_values() const { return patch_size * patch_size * in_chans; }
};

/// Throws InputError for sizes that cannot be built; `where` names the configuration.
void check_vit_trunk_config(const VitTrunkConfig& config, const std::string& where);

/// How a trunk's parameters are called, and what it has beside U-ViT's.
struct VitTrunkKeys {
  std::string prefix;          // "" or "encoder."
  std::string position;        // after the prefix: "pos_embed" or "encoder_pos_embed"
  bool separate_bias = false;  // qkv_bias as q_bias and v_bias, none for keys (BEiT), instead of qkv.bias
  bool skips = true;           // long skip connections
  bool null_label = false;     // a learned label token for no class, uncond_embed
};

/// A transformer over image patches with long skip connections: from images, time steps and labels to the tokens of the
/// patches after the last norm, all of them or the visible ones alone.
class VitTrunk {
 public:
  VitTrunk(Parameters& p, const VitTrunkConfig& config, const VitTrunkKeys& keys);

  /// [B, V, d] from x [B, C, H, W], timesteps [B] (integers or fractions) and labels [B] int64, needed exactly where
  /// there are classes; where the trunk has a null label, -1 and no labels at all stand for it. `visible`: [B, V] int64
  /// patch numbers, row by row, in any order; undefined: all of them. Hidden patches are dropped before the first
  /// block, after their position was added to the others: they cost nothing and have no influence. Throws InputError
  /// for other sizes, labels out of range and patches that do not exist.
  at::Tensor operator()(const at::Tensor& x, const at::Tensor& timesteps, const at::Tensor& labels,
                        const at::Tensor& visible) const;

  /// One image of which `visible` patches are seen.
  void count(CostWalk& walk, std::int64_t visible) const;

 private:
  /// Pre-norm attention and MLP, and in the way out the skip before them.
  class Block {
   public:
    Block(Parameters& p, const std::string& name, const VitTrunkConfig& config, const VitTrunkKeys& keys, bool skip);
    at::Tensor operator()(at::Tensor x, const at::Tensor& skip) const;
    void count(CostWalk& walk, std::int64_t tokens) const;

   private:
    std::optional<Linear> skip_;
    LayerNorm norm1_;
    Linear qkv_;
    const Parameter *q_bias_ = nullptr, *v_bias_ = nullptr;
    Linear out_;
    LayerNorm norm2_;
    Linear fc1_, fc2_;
    std::int64_t heads_, width_;
  };

  at::Tensor extra_tokens(const at::Tensor& timesteps, const at::Tensor& labels, std::int64_t batch) const;

  VitTrunkConfig config_;
  const Parameter *patch_weight_, *patch_bias_;  // of a convolution with kernel and stride patch_size
  const Parameter* position_;
  std::optional<Linear> time_0_, time_2_;
  const Parameter *label_ = nullptr, *null_label_ = nullptr;
  std::vector<Block> in_, middle_, out_;
  LayerNorm norm_;
};

/// What both networks are asked for: the pixels of the patches, [B, N, p p C], or of the `visible` [B, V] alone; see
/// gather_patches().
at::Tensor patch_targets(const at::Tensor& x, std::int64_t patch, const at::Tensor& visible = {});

/// The inverse of patch_targets() without a choice: square images [B, C, H, H] from [B, N, p p C].
at::Tensor image_of_targets(const at::Tensor& tokens, std::int64_t patch);

}  // namespace assay
