#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "diffusion/networks/sd/sd_configurations.h"

// What an observer of a UNet can see, known from its configuration before it predicts.
namespace assay {

/// Rows and columns of positions.
struct LatentGrid {
  std::int64_t height = 0, width = 0;

  std::int64_t positions() const { return height * width; }
  bool operator==(const LatentGrid&) const = default;
};

/// An attention module of a UNet by its official name.
struct AttentionModule {
  std::string name;
  LatentGrid grid;  // of the positions that look
  bool at_text;     // at the text, else at the image itself
};

/// Those of a UNet that predicts latents of this size, in the order of the network.
std::vector<AttentionModule> attention_modules(const SdUNetConfig& unet, LatentGrid latents);

/// A block of a UNet by its official name, and the shape of what it gives (AttentionObserver::see_block).
struct SdUNetBlock {
  std::string name;
  std::int64_t channels;
  LatentGrid grid;
};

/// "down_blocks.0", ..., "mid_block", "up_blocks.0", ... of a UNet that predicts latents of this size, in the order of
/// the network. With Stable Diffusion 1 and latents of 64 x 64, up_blocks.1 to .3 give 1280 channels at 32 x 32, 640 at
/// 64 x 64 and 320 at 64 x 64.
std::vector<SdUNetBlock> unet_blocks(const SdUNetConfig& unet, LatentGrid latents);

/// The block of this name. Throws InputError, with the names that there are.
SdUNetBlock unet_block(const SdUNetConfig& unet, LatentGrid latents, const std::string& name);

}  // namespace assay
