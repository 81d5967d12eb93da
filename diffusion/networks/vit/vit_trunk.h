#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "diffusion/networks/layers.h"
#include "diffusion/networks/network_cost.h"
#include "diffusion/networks/parameters.h"

namespace assay {

/// What U-ViT (libs/uvit.py) and MaskDM's network (models/mask_uvit.py) share.
struct VitTrunkConfig {
  std::int64_t img_size = 64;   // pixels a side, a multiple of patch_size
  std::int64_t patch_size = 4;  // pixels a side
  std::int64_t in_chans = 3;
  /// Above 0: x holds the Haar bands of images with so many channels, in_chans = 4 data_chans at half their side. The
  /// approximation's patches and those of the three details together have embeddings of their own (MaskedDWTUViT).
  std::int64_t data_chans = 0;
  std::int64_t embed_dim = 512;  // d, a multiple of num_heads, even
  std::int64_t depth = 13;       // depth / 2 blocks in, one in the middle, as many out
  std::int64_t num_heads = 8;
  double mlp_ratio = 4;
  bool qkv_bias = false;
  bool mlp_time_embed = false;    // two linear layers after the sinusoid
  std::int64_t num_classes = -1;  // above 0: a label token before the time token

  std::int64_t grid() const { return img_size / patch_size; }
  /// Of a band.
  std::int64_t patches() const { return grid() * grid(); }
  /// Channels of the bands that are cut into patches: all at once, or approximation and details.
  std::vector<std::int64_t> bands() const {
    return data_chans > 0 ? std::vector<std::int64_t>{data_chans, in_chans - data_chans} : std::vector{in_chans};
  }
  std::int64_t all_patches() const { return static_cast<std::int64_t>(bands().size()) * patches(); }
  /// Tokens before those of the patches: the time's and, with classes, before it the label's.
  std::int64_t extras() const { return num_classes > 0 ? 2 : 1; }
  std::int64_t patch_values(std::int64_t chans) const { return patch_size * patch_size * chans; }
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
  /// patch numbers, row by row, in any order; undefined: all of them. With two bands they are numbered through, and
  /// every image shows V / 2 of the first, then V / 2 of the second. Hidden patches are dropped before the first block,
  /// after their position was added to the others: they cost nothing and have no influence. Throws InputError for other
  /// sizes, labels out of range and patches that do not exist.
  at::Tensor operator()(const at::Tensor& x, const at::Tensor& timesteps, const at::Tensor& labels,
                        const at::Tensor& visible) const;

  /// One image of which `visible` patches of every band are seen.
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

  /// Of a convolution with kernel and stride patch_size.
  struct PatchEmbedding {
    std::int64_t chans;
    const Parameter *weight, *bias;
  };

  static std::vector<PatchEmbedding> declare_embeddings(Parameters& p, const VitTrunkConfig& config,
                                                        const VitTrunkKeys& keys);
  at::Tensor patch_tokens(const at::Tensor& x, const at::Tensor& visible) const;
  at::Tensor extra_tokens(const at::Tensor& timesteps, const at::Tensor& labels, std::int64_t batch) const;

  VitTrunkConfig config_;
  std::vector<PatchEmbedding> embeddings_;  // a band each
  const Parameter* position_;
  std::optional<Linear> time_0_, time_2_;
  const Parameter *label_ = nullptr, *null_label_ = nullptr;
  std::vector<Block> in_, middle_, out_;
  LayerNorm norm_;
};

/// The patches of one band among `visible`, numbered from 0; undefined where `visible` is.
at::Tensor visible_of_band(const at::Tensor& visible, const VitTrunkConfig& config, std::size_t band);

/// What both networks are asked for: the pixels of the patches, [B, N, p p C], or of the `visible` [B, V] alone; see
/// gather_patches().
at::Tensor patch_targets(const at::Tensor& x, std::int64_t patch, const at::Tensor& visible = {});

/// The inverse of patch_targets() without a choice: square images [B, C, H, H] from [B, N, p p C].
at::Tensor image_of_targets(const at::Tensor& tokens, std::int64_t patch);

}  // namespace assay
