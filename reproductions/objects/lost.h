#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "reproductions/objects/patch_grid.h"

namespace assay {

struct LostOptions {
  std::int64_t patch = 16;        // pixels a side
  std::int64_t candidates = 100;  // "k_patches": how many patches of lowest degree may join the seed
};

/// What LOST found in one image, patches numbered row by row.
struct LostBox {
  PixelBox box{};
  std::int64_t seed = 0;
  std::vector<std::int64_t> degree;     // [N]
  std::vector<std::int64_t> similar;    // the candidates that join the seed, by rank
  std::vector<std::uint8_t> component;  // [N], 1 in the patches that the box is put around
};

/// The object box of one image (LOST, Simeoni et al., arXiv:2109.14279, as Self-Guided Diffusion uses it) from the
/// features of its patches, [rows * columns, dimension] row by row: DINO's last keys there.
///   1. A = F F^T, not normalised; the degree of p counts the q != p with A_pq > 0
///   2. the seed is the patch of lowest degree; the candidates are the `candidates` patches of lowest degree
///   3. S = candidates with A[seed, s] > 0; M = sum over s in S of A[s, .]
///   4. of the map M > 0 the 4-connected component with the seed
///   5. its extent times `patch`, clipped to the image
/// Equal degrees are ranked by patch number; the published code leaves that to an unstable sort. Products are summed in
/// double. A seed whose features are all zero has no S: the component is its patch alone, where the published code
/// stops. `height` and `width` are the image's before padding. Throws InputError where an option is below 1 and as
/// check_patches().
LostBox lost(std::span<const float> features, std::int64_t rows, std::int64_t columns, std::int64_t dimension,
             std::int64_t height, std::int64_t width, const LostOptions& options = {});

}  // namespace assay
