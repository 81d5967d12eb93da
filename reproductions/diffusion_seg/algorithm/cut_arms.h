#pragma once
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "core/names.h"
#include "reproductions/diffusion_seg/algorithm/attention_cut.h"

namespace assay::diffusion_seg {

/// Ways from the attention that was recorded of an image to a mask of it.
///   random            each pixel by chance, as many as the true mask has
///   threshold         c above one half
///   best_threshold    c above the threshold that is best on labelled images, one for all
///   oracle_threshold  c above the threshold that fits this very mask best, which no method may know
///   otsu              c above Otsu's threshold
///   propagated        attention spread along self-attention, S^power c (Dataset Diffusion)
///   cut_8             AttentionCut with links of the eight neighbours
///   cut               AttentionCut with links of all pairs
///   cut_colour        the same with links that colours weaken
enum class CutArm { random, threshold, best_threshold, oracle_threshold, otsu, propagated, cut_8, cut, cut_colour };
inline constexpr Names<CutArm> cut_arm_names = {{"random", CutArm::random},
                                                {"threshold", CutArm::threshold},
                                                {"best_threshold", CutArm::best_threshold},
                                                {"oracle_threshold", CutArm::oracle_threshold},
                                                {"otsu", CutArm::otsu},
                                                {"propagated", CutArm::propagated},
                                                {"cut_8", CutArm::cut_8},
                                                {"cut", CutArm::cut},
                                                {"cut_colour", CutArm::cut_colour}};
/// Those that minimise an energy.
inline constexpr CutArm energy_arms[] = {CutArm::cut_8, CutArm::cut, CutArm::cut_colour};

/// What labelled images have chosen, once for all seeds, or the configuration where there are none.
struct CutChoices {
  double threshold = 0.5;                // of best_threshold
  std::map<std::string, double> lambda;  // of the arms that minimise an energy
};

/// How the arms make masks.
struct CutOptions {
  AttentionCutOptions cut;  // of which an arm says neighbourhood and colour, and choices say lambda
  std::int64_t power = 4;   // of propagated
  double level = 0.6;       // at least which propagated attention is of the object
};

/// The attention of one image: c in [0, 1] and S at height x width positions.
struct KeptMaps {
  std::int64_t height = 0, width = 0;
  std::vector<float> cross;  // [n]
  std::vector<float> self;   // [n, n]
};

/// The options of an arm that minimises an energy.
AttentionCutOptions options_of(CutArm arm, const CutOptions& options, double lambda);
/// AttentionCut of an image by such an arm; `rgb` [n, 3] in [0, 1] are its colours at the positions of the maps.
AttentionCut cut_by(CutArm arm, const KeptMaps& maps, std::span<const float> rgb, const CutOptions& options,
                    double lambda);

/// The mask [height, width] of an image by an arm that needs no truth, at the size of the image, values 0 and 1.
std::vector<std::uint8_t> mask_by(CutArm arm, const KeptMaps& maps, std::span<const float> rgb,
                                  const CutOptions& options, const CutChoices& choices, std::int64_t height,
                                  std::int64_t width);
/// The same by one that looks at the true mask, whose values are 0 and 1: `random` draws from the stream of image
/// `item` under `seed`.
std::vector<std::uint8_t> mask_by_truth(CutArm arm, const KeptMaps& maps, std::span<const std::uint8_t> truth,
                                        std::int64_t height, std::int64_t width, std::uint64_t seed,
                                        std::uint64_t item);

}  // namespace assay::diffusion_seg
