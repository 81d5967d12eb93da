#pragma once
#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace assay {

/// The UNet of Stable Diffusion 1.x and 2.x under the names of diffusers' config.json. The lists have an entry a level,
/// the finest first; those of `up` follow the way up, the coarsest level first.
struct SdUNetConfig {
  std::int64_t in_channels = 4, out_channels = 4;
  std::array<std::int64_t, 2> sample_size = {0, 0};  // height and width of the latents it was made for; 0: not said
  std::vector<std::int64_t> block_out_channels;
  std::vector<bool> down_attention, up_attention;  // CrossAttnDownBlock2D, CrossAttnUpBlock2D; else without attention
  std::vector<std::int64_t> layers_per_block;
  std::vector<std::int64_t> heads;  // `attention_head_dim`, which is the number of heads
  std::vector<std::int64_t> cross_attention_dim;
  std::vector<std::int64_t> transformer_layers_per_block;
  std::vector<bool> only_cross_attention;  // the first attention of a block looks at the text too; never in the middle
  bool use_linear_projection = false;      // of Stable Diffusion 2; else 1x1 convolutions
  std::int64_t norm_num_groups = 32;
  double norm_eps = 1e-5;
  bool center_input_sample = false;
  bool flip_sin_to_cos = true;  // cosines first in the time embedding
  std::int64_t freq_shift = 0;

  std::int64_t levels() const { return static_cast<std::int64_t>(block_out_channels.size()); }
};

/// Reads a config.json of UNet2DConditionModel, diffusers' defaults for what it leaves out. A key whose value asks for
/// what is not built, an unknown key and an impossible combination throw InputError, which names the key after `where`.
SdUNetConfig read_sd_unet_config(const nlohmann::json& diffusers_config, const std::string& where);

/// AutoencoderKL under the names of diffusers' config.json; a level an entry, the finest first.
struct SdVaeConfig {
  std::int64_t in_channels = 3, out_channels = 3, latent_channels = 4;
  std::vector<std::int64_t> block_out_channels;
  std::int64_t layers_per_block = 1;
  std::int64_t norm_num_groups = 32;
  double scaling_factor = 0.18215;
  std::optional<double> shift_factor;
  bool use_quant_conv = true, use_post_quant_conv = true;
  bool mid_block_add_attention = true;
};

/// Reads a config.json of AutoencoderKL; refuses as read_sd_unet_config does.
SdVaeConfig read_sd_vae_config(const nlohmann::json& diffusers_config, const std::string& where);

}  // namespace assay
