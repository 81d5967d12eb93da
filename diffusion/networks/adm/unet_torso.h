#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "diffusion/networks/adm/unet_blocks.h"

namespace assay {

class ConfigReader;

/// The constructor arguments that ADM's networks share, under their official names (guided-diffusion unet.py:
/// UNetModel, EncoderUNetModel; Self-Guided Diffusion's copies of them).
struct TorsoConfig {
  std::int64_t image_size = 16;  // pixels; the torso itself is fully convolutional
  std::int64_t in_channels = 3;
  std::int64_t model_channels = 32;                       // width; every level's a multiple of norm_groups
  std::int64_t out_channels = 3;                          // twice in_channels with a learned variance; classes
  std::int64_t num_res_blocks = 1;                        // per level, at least 1
  std::vector<std::int64_t> attention_resolutions = {2};  // down-sampling factors, not pixels
  double dropout = 0.0;                                   // in [0, 1), training only
  std::vector<double> channel_mult = {1, 2};              // width of each level over model_channels
  bool conv_resample = true;                              // learned convolution where resblock_updown is off
  bool use_fp16 = false;                                  // the published way to run it; networks start in float32
  std::int64_t num_heads = 1;
  std::int64_t num_head_channels = -1;   // -1: num_heads decides
  std::int64_t num_heads_upsample = -1;  // -1: as num_heads
  bool use_scale_shift_norm = true;
  bool resblock_updown = true;
  bool use_new_attention_order = false;  // channels [q,k,v][head] instead of [head][q,k,v]
  // Groups of every normalisation. This argument is ours: ADM always has 32, which makes 4 to 32 channels a group at
  // its widths. Where the last normalisation has groups of one channel, the network cannot tell the mean colour of an
  // image (docs/decisions/0006).
  std::int64_t norm_groups = 32;
};

/// Reads the shared arguments into `config`, whose values are the defaults. `dims` (2 alone is accepted) and
/// `use_checkpoint` are read and change nothing. `object` is what `reader` reads.
void read_torso_config(ConfigReader& reader, const nlohmann::json& object, TorsoConfig& config);
/// Throws InputError for sizes and widths that cannot be built; `where` names the configuration.
void check_torso_config(const TorsoConfig& config, const std::string& where);
nlohmann::json to_json(const TorsoConfig& config);

/// The time embedding that all of them start with (keys time_embed.0 and .2).
class TimeEmbedding {
 public:
  TimeEmbedding(Parameters& p, std::int64_t model_channels);
  /// [B, 4 model_channels] from the sinusoid [B, model_channels].
  at::Tensor operator()(const at::Tensor& sinusoid) const;
  void count(CostWalk& walk) const;

 private:
  Linear first_, second_;
};

/// What attends in a network.
struct TorsoAttention {
  bool tokens = false;             // TokenAttentionBlock instead of AttentionBlock
  std::int64_t context_width = 0;  // of a token
  std::int64_t context_tokens = 0;
};

/// The input blocks, the middle and, in a U-Net, the output blocks.
class UNetTorso {
 public:
  /// `in_channels` is that of the stem; `embedding` the width of the embedding; `decoder` adds the output blocks.
  UNetTorso(Parameters& p, const TorsoConfig& config, std::int64_t in_channels, std::int64_t embedding,
            const TorsoAttention& attention, bool decoder);

  /// The activation after the last block; `after`, where given, sees it after every input block and the middle.
  template <typename Observer>
  at::Tensor encode(at::Tensor h, const BlockPass& pass, const Observer& after) const {
    for (const BlockSequence& block : input_) after(h = run(block, h, pass));
    after(h = run(middle_, h, pass));
    return h;
  }
  /// Through all blocks of a U-Net.
  at::Tensor operator()(at::Tensor h, const BlockPass& pass) const;
  void count(CostWalk& walk) const;

  std::int64_t out_channels() const { return out_channels_; }  // of the last block
  std::int64_t factor() const { return factor_; }              // of down-sampling at the middle
  std::int64_t feature_channels() const { return features_; }  // over all input blocks and the middle

 private:
  std::vector<BlockSequence> input_, output_;
  std::vector<std::int64_t> input_channels_;
  BlockSequence middle_;
  std::int64_t out_channels_ = 0, factor_ = 1, features_ = 0;
};

/// A pass with the embedding [B, E] and, with a seed, dropout drawn from it.
BlockPass block_pass(const at::Tensor& embedding, double dropout, std::optional<std::uint64_t> dropout_seed);

/// Names of what the official convert_to_fp16 casts: weights and biases of the convolutions in the input, middle and
/// output blocks, nothing else.
std::set<std::string> torso_convolutions(const Parameters& parameters);
/// Casts them. `type` is kHalf or kBFloat16; InputError otherwise. The parameters then only predict.
void cast_torso(Parameters& parameters, at::ScalarType type);

}  // namespace assay
