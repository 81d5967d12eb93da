#pragma once
#include <string>

#include "diffusion/networks/sd/clip_text.h"
#include "diffusion/networks/sd/sd_configurations.h"
#include "diffusion/text/clip_tokenizer.h"

namespace assay {

/// Throws InputError where the parts of a text-to-image model do not fit each other: states of the text encoder that
/// the UNet cannot attend to, a tokenizer of more tokens or longer prompts than the text encoder takes, a UNet that
/// does not predict what it is given, or draws something else than the autoencoder's latents (`vae` null: than pixels).
/// `where`: what stands before the names of the configurations in messages.
void require_matching_parts(const SdUNetConfig& unet, const ClipTextConfig& text, const ClipTokenizer& tokenizer,
                            const SdVaeConfig* vae, const std::string& where);

}  // namespace assay
