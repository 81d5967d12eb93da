#include "diffusion/networks/sd/matching_parts.h"

#include <fmt/format.h>

#include "core/error.h"

namespace assay {

void require_matching_parts(const SdUNetConfig& unet, const ClipTextConfig& text, const ClipTokenizer& tokenizer,
                            const SdVaeConfig* vae, const std::string& where) {
  for (const std::int64_t width : unet.cross_attention_dim)
    if (width != text.hidden_size)
      throw InputError(
          fmt::format("{}unet.cross_attention_dim: {}, but the text encoder's states have a width of {} (hidden_size)",
                      where, width, text.hidden_size));
  if (tokenizer.vocabulary_size() > text.vocab_size)
    throw InputError(
        fmt::format("{}text_encoder.vocab_size: {}, but the tokenizer has {} tokens: the tokenizer of another model?",
                    where, text.vocab_size, tokenizer.vocabulary_size()));
  if (tokenizer.length() > text.max_position_embeddings)
    throw InputError(
        fmt::format("{}text_encoder.max_position_embeddings: {}, but the tokenizer's prompts have {} tokens", where,
                    text.max_position_embeddings, tokenizer.length()));
  if (unet.in_channels != unet.out_channels)
    throw InputError(
        fmt::format("{}unet.out_channels: {}, but in_channels is {}; accepted: a network that predicts "
                    "what it is given, not one for inpainting or upscaling",
                    where, unet.out_channels, unet.in_channels));
  const std::int64_t channels = vae ? vae->latent_channels : 3;
  if (unet.in_channels != channels)
    throw InputError(fmt::format("{}unet.in_channels: {}, but {} {}", where, unet.in_channels,
                                 vae ? "the autoencoder's latents have" : "without an autoencoder it draws images of",
                                 channels));
}

}  // namespace assay
