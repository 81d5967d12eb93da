#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "diffusion/networks/sd/text_to_image.h"

namespace assay::test {

inline nlohmann::json small_unet(std::int64_t channels = 3) {
  return {{"sample_size", 4},
          {"in_channels", channels},
          {"out_channels", channels},
          {"block_out_channels", {8, 8}},
          {"down_block_types", {"CrossAttnDownBlock2D", "DownBlock2D"}},
          {"up_block_types", {"UpBlock2D", "CrossAttnUpBlock2D"}},
          {"layers_per_block", 1},
          {"cross_attention_dim", 12},
          {"attention_head_dim", 2},
          {"norm_num_groups", 4}};
}

inline nlohmann::json small_vae() {
  return {{"block_out_channels", {8, 8}},
          {"down_block_types", {"DownEncoderBlock2D", "DownEncoderBlock2D"}},
          {"up_block_types", {"UpDecoderBlock2D", "UpDecoderBlock2D"}},
          {"layers_per_block", 1},
          {"norm_num_groups", 4},
          {"latent_channels", 4}};
}

/// The configuration of a model of some thousand weights.
inline TextToImageConfig small_text_to_image_config(const ClipTokenizer& tokenizer, bool latents = false,
                                                    const std::string& prediction = "epsilon") {
  TextToImageConfig config;
  config.unet = small_unet(latents ? 4 : 3);
  config.text_encoder = {{"vocab_size", tokenizer.vocabulary_size()},
                         {"hidden_size", 12},
                         {"intermediate_size", 16},
                         {"num_hidden_layers", 2},
                         {"num_attention_heads", 2},
                         {"max_position_embeddings", tokenizer.length()},
                         {"eos_token_id", tokenizer.end_id()}};
  config.scheduler = {{"_class_name", "DDIMScheduler"},
                      {"beta_schedule", "scaled_linear"},
                      {"clip_sample", false},
                      {"prediction_type", prediction}};
  if (latents) config.vae = small_vae();
  config.where = "small/";
  return config;
}

/// Each word of these captions is one token.
inline ClipTokenizer small_tokenizer() {
  return ClipTokenizer::learned({"a red cat", "a blue cat", "a bat", "red blue bat"}, 40, 10);
}

inline std::unique_ptr<TextToImage> small_text_to_image(bool latents = false,
                                                        const std::string& prediction = "epsilon") {
  auto model = std::make_unique<TextToImage>(small_text_to_image_config(small_tokenizer(), latents, prediction),
                                             small_tokenizer());
  model->parameters().materialise(7);
  if (latents) model->vae_parameters().materialise(8);
  return model;
}

}  // namespace assay::test
