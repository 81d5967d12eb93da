#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "reproductions/diffusion_seg/algorithm/graph_cut.h"

namespace assay::diffusion_seg {

/// Which pairs of pixels the energy joins. top_k: j is among the k pixels that i attends to most (by W, ties to the
/// smaller index), or i among those of j.
enum class Neighbourhood { all_pairs, eight_neighbours, top_k };

/// AttentionCut (DiffusionSeg, arXiv:2303.09813). The paper's energy and constants are not public, so all of them are
/// fields, and the defaults are ours.
struct AttentionCutOptions {
  double lambda = 1.0;  // of the pairwise term, at least 0
  Neighbourhood neighbourhood = Neighbourhood::all_pairs;
  std::int64_t top_k = 16;  // of Neighbourhood::top_k
  bool colour = false;      // whether w_ij is also multiplied by exp(-|rgb_i - rgb_j|^2 / (2 sigma^2))
  double sigma = 0.1;       // for colours in [0, 1]
  std::optional<double> seed_high = {}, seed_low = {};  // c >= seed_high is surely object, c <= seed_low surely not
  double eps = 1e-6;                                    // the smallest probability of which a logarithm is taken
  bool reject = true;  // whether masks whose share of the image is outside the next two are
  double area_least = 0.02, area_most = 0.8;
};

/// Reads {"lambda", "neighbourhood", "top_k", "colour", "sigma", "seed_high", "seed_low", "eps", "reject",
/// "area_least", "area_most"}; "seed_high" and "seed_low" may be null, which is none. Throws InputError for unknown
/// keys, values out of range, seed_low >= seed_high and area_least > area_most.
AttentionCutOptions read_attention_cut_options(const nlohmann::json& object, const std::string& where);
nlohmann::json to_json(const AttentionCutOptions& options);

/// Mean over the object's tokens of cross-attention [pixels, tokens] row-major: how much each pixel attends to the
/// object. `object` holds token places, those of the start-of-text token included in the count. Nothing is normalised
/// over tokens. Throws Error when `maps` is no whole number of rows and InputError without an object token or with one
/// outside [0, tokens).
std::vector<float> object_attention(std::span<const float> maps, std::int64_t tokens,
                                    std::span<const std::int64_t> object);

/// A map [height, width] at another size by bicubic interpolation with half-pixel centres, a = -0.75, edges repeated
/// and nothing averaged on reduction: F.interpolate(mode="bicubic", align_corners=False). May overshoot the range of
/// the map. Throws Error when `map` has another size, or a side is less than 1.
std::vector<float> resize_bicubic(std::span<const float> map, std::int64_t height, std::int64_t width,
                                  std::int64_t new_height, std::int64_t new_width);

/// (map - least) / (most - least), in [0, 1]; all 0 where all values are equal: nothing stands out. Throws InputError
/// for a value that is not finite.
std::vector<float> min_max(std::span<const float> map);

/// W = (S + S^T) / 2 of self-attention S [n, n] row-major, 0 on the diagonal, scaled so that its largest entry is 1
/// (all 0 where nothing attends to anything else). Throws Error when S is not square and InputError for entries that
/// are negative or not finite, and for a row whose sum is not within 1e-3 of 1.
std::vector<float> self_affinity(std::span<const float> self);

/// What an image's AttentionCut is made of, at the resolution of its self-attention: n = height * width pixels.
struct AttentionMaps {
  std::int64_t height = 0, width = 0;
  std::span<const float> cross;  // c [n], in [0, 1]
  std::span<const float> self;   // S [n, n], rows sum to 1
  std::span<const float> rgb;    // [n, 3] in [0, 1], or empty without AttentionCutOptions::colour
};

/// The energy: cost1 = -ln(max(c, eps)), cost0 = -ln(max(1 - c, eps)), w_ij = lambda W_ij (times the colours' factor)
/// for the pairs of the neighbourhood. A seed makes the other label's cost infinite. Throws Error when a map has
/// another size and InputError for values outside their range, and where a pixel would be both seeds.
GraphCut attention_energy(const AttentionMaps& maps, const AttentionCutOptions& options);

/// The minimum of attention_energy().
struct AttentionCut {
  std::vector<std::uint8_t> mask;  // [n], 1 is the object
  double energy = 0.0;
  double area = 0.0;     // share of pixels that are the object
  std::string rejected;  // why area_fault() refuses it; empty where it is accepted
};

/// With lambda = 0 it is c > 0.5: a pixel of 0.5 costs the same either way and is background (see GraphCut's ties).
AttentionCut attention_cut(const AttentionMaps& maps, const AttentionCutOptions& options);

/// Why a mask of this share of the image is refused, as in "area 0.9 is above area_most 0.8"; empty where it is not.
std::string area_fault(double area, const AttentionCutOptions& options);

/// A binary map at another size: bilinear with half-pixel centres, edges repeated (F.interpolate(mode="bilinear",
/// align_corners=False)), and 1 where the result is above 0.5, decided in integers. Throws Error when `mask` has
/// another size or a side is less than 1, and InputError for a value other than 0 and 1.
std::vector<std::uint8_t> resize_mask(std::span<const std::uint8_t> mask, std::int64_t height, std::int64_t width,
                                      std::int64_t new_height, std::int64_t new_width);

}  // namespace assay::diffusion_seg
