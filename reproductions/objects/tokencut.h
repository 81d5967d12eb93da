#pragma once
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>

#include "reproductions/objects/patch_grid.h"

namespace assay {

struct TokenCutOptions {
  std::int64_t patch = 16;  // pixels a side
  double tau = 0.2;         // in [0, 1): patches of a larger cosine are joined
  double epsilon = 1e-5;    // in (0, 1]: the weight between all others
  bool binary = true;       // joined by 1; else by the cosine itself ("no_binary_graph")
};

/// Reads {"tau", "epsilon", "binary"}; the side of a patch is the features'. Throws InputError.
TokenCutOptions read_tokencut_options(const nlohmann::json& object, const std::string& where);
nlohmann::json to_json(const TokenCutOptions& options);

/// What TokenCut found in one image, patches numbered row by row.
struct TokenCutObject {
  PixelBox box{};
  std::int64_t seed = 0;
  std::vector<double> eigenvector;       // [N], x^T D x = 1, positive at the seed
  std::vector<std::int64_t> components;  // [N], of the object's side, numbered from 1; 0 is the other side
  std::vector<std::uint8_t> mask;        // [N], 1 in the component with the seed, which the box is put around
};

/// The salient object of one image (TokenCut, Wang et al., CVPR 2022, arXiv:2202.11539, section 3.2, and its published
/// code) from the features of its patches, [rows * columns, dimension] row by row: DINO's last keys there.
///   1. W_pq = 1 where the cosine of p and q is above tau, else epsilon; not binary: the cosine where it is at least
///      tau, else epsilon; q = p is a pair as any other
///   2. x is the eigenvector of the second smallest eigenvalue of (D - W) x = lambda D x, D the sums of the rows of W
///   3. the seed is the patch of the largest |x|; the sign of x is such that it is positive there
///   4. the object's side is where x is above its mean; the mask is its component with the seed, joined at edges
///   5. the box is the mask's extent times `patch`, clipped to the image
/// In the published code the sign is the solver's, and both x and the sides are turned over where the seed lies on the
/// lower side: what comes out is the same. All is computed in double. Two magnitudes, or a value and the mean, that
/// differ by less than 1e-9 of the largest count as equal: the first patch is the seed and the mean is not above
/// itself, where the published code leaves both to rounding. Where the second eigenvalue is a multiple one, as in an
/// image of like patches, some vector of its space is taken, always the same. A patch whose features are all zero is
/// like none.
/// `height` and `width` are the image's before padding. Throws InputError for options out of range, for a single patch
/// and as check_patches().
TokenCutObject tokencut(std::span<const float> features, std::int64_t rows, std::int64_t columns,
                        std::int64_t dimension, std::int64_t height, std::int64_t width,
                        const TokenCutOptions& options = {});

}  // namespace assay
