#include "diffusion/networks/sd/unet_layers.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstddef>

#include "core/error.h"

namespace assay {
namespace {

/// The size at each level, the finest first: halved and rounded up, as the UNet's downsamplers do.
std::vector<LatentGrid> grids_of(const SdUNetConfig& unet, LatentGrid latents) {
  std::vector<LatentGrid> grids = {latents};
  while (static_cast<std::int64_t>(grids.size()) < unet.levels())
    grids.push_back({(grids.back().height + 1) / 2, (grids.back().width + 1) / 2});
  return grids;
}

}  // namespace

std::vector<AttentionModule> attention_modules(const SdUNetConfig& unet, LatentGrid latents) {
  const std::vector<LatentGrid> grids = grids_of(unet, latents);
  const std::size_t levels = grids.size();
  std::vector<AttentionModule> modules;
  const auto add = [&](const std::string& block, std::size_t level, std::int64_t transformers, bool first_at_text) {
    for (std::int64_t j = 0; j < transformers; ++j)
      for (std::int64_t k = 0; k < unet.transformer_layers_per_block[level]; ++k) {
        const std::string name = fmt::format("{}.attentions.{}.transformer_blocks.{}", block, j, k);
        modules.push_back({name + ".attn1", grids[level], first_at_text});
        modules.push_back({name + ".attn2", grids[level], true});
      }
  };
  for (std::size_t i = 0; i < levels; ++i)
    if (unet.down_attention[i])
      add(fmt::format("down_blocks.{}", i), i, unet.layers_per_block[i], unet.only_cross_attention[i]);
  add("mid_block", levels - 1, 1, false);
  for (std::size_t i = 0; i < levels; ++i) {
    const std::size_t level = levels - 1 - i;
    if (unet.up_attention[i])
      add(fmt::format("up_blocks.{}", i), level, unet.layers_per_block[level] + 1, unet.only_cross_attention[level]);
  }
  return modules;
}

std::vector<SdUNetBlock> unet_blocks(const SdUNetConfig& unet, LatentGrid latents) {
  const std::vector<LatentGrid> grids = grids_of(unet, latents);
  const std::size_t levels = grids.size();
  std::vector<SdUNetBlock> blocks;
  blocks.reserve(2 * levels + 1);
  for (std::size_t i = 0; i < levels; ++i)
    blocks.push_back(
        {fmt::format("down_blocks.{}", i), unet.block_out_channels[i], grids[std::min(i + 1, levels - 1)]});
  blocks.push_back({"mid_block", unet.block_out_channels.back(), grids.back()});
  for (std::size_t i = 0; i < levels; ++i) {
    const std::size_t level = levels - 1 - i;
    blocks.push_back(
        {fmt::format("up_blocks.{}", i), unet.block_out_channels[level], grids[level > 0 ? level - 1 : 0]});
  }
  return blocks;
}

SdUNetBlock unet_block(const SdUNetConfig& unet, LatentGrid latents, const std::string& name) {
  std::vector<std::string> names;
  for (const SdUNetBlock& block : unet_blocks(unet, latents)) {
    if (block.name == name) return block;
    names.push_back(block.name);
  }
  throw InputError(
      fmt::format("block '{}': the UNet has none of this name; accepted: {}", name, fmt::join(names, ", ")));
}

}  // namespace assay
