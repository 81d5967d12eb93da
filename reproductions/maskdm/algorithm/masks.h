#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/philox.h"

namespace assay::maskdm {

/// Which patches a masked training step hides (MaskDM, datasets/masking_generator.py).
///   none   nothing is hidden
///   patch  int(rate N) patches at random places
///   block  int(rate N) / block^2 blocks of block x block patches, on a grid of such blocks
///   crop   everything outside one window of crop x crop patches at a random place; `rate` is not used
struct MaskOptions {
  enum class Kind { none, patch, block, crop };
  Kind kind = Kind::none;
  double rate = 0.0;       // m, in [0, 1)
  std::int64_t block = 4;  // patches a side
  std::int64_t crop = 1;   // patches a side
};

/// Reads {"kind", "rate", "block", "crop"} for a grid of `grid` x `grid` patches. Throws InputError for unknown keys, a
/// block that does not divide the grid, a crop larger than it, and a rate that leaves nothing to see.
MaskOptions read_mask_options(const nlohmann::json& object, const std::string& where, std::int64_t grid);
nlohmann::json to_json(const MaskOptions& options);

/// How many patches every image shows: the same for all images, whatever is drawn.
std::int64_t visible_count(const MaskOptions& options, std::int64_t grid);

/// The patches one image shows, row by row, ascending.
std::vector<std::int64_t> draw_visible(const MaskOptions& options, std::int64_t grid, RandomStream& random);

/// The visible patches [B, V] int64, ascending, of masks [B, N], 1 = hidden (any type). Throws InputError when images
/// show different numbers of patches, or none.
at::Tensor visible_of_masks(const at::Tensor& masks);

}  // namespace assay::maskdm
