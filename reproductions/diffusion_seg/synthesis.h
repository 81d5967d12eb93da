#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>
#include <vector>

#include "reproductions/diffusion_seg/algorithm/cut_arms.h"
#include "reproductions/diffusion_seg/algorithm/pair_files.h"
#include "reproductions/diffusion_seg/study.h"

namespace assay::diffusion_seg {

inline constexpr const char *cut_mask = "cut", *exact_mask = "exact";

/// What pairs are made of.
struct PairMaking {
  ObservedDrawing drawing;
  CutArm arm = CutArm::cut;  // whose masks they have
  CutOptions cut;
  double lambda = 1.0;
  std::int64_t pairs = 1000;
  std::int64_t part = 50;  // drawn before they are written, which a kill can cost
  bool palettes = false;   // whether the exact masks can be read off the images
  nlohmann::json made_by;  // all that they depend on, which PairSet::made_by() says
};

/// Those of a study, on what was chosen.
PairMaking pair_making(const Study& s, const CutChoices& choices);

/// The data set of drawn images and their masks, made in stage "synthesis" in the folder `pairs` of the run's
/// artifacts: masks `cut` of AttentionCut and, of a data set with palettes, `exact`. Pairs of a mask that is too small
/// or too large are kept aside and counted. A run that was killed goes on behind its last complete part.
PairSet synthesised(Run& run, const PairMaking& making);

/// The kept pairs, at most `most`. Throws InputError where there is none.
std::vector<std::int64_t> kept_pairs(const PairSet& pairs, std::int64_t most);

}  // namespace assay::diffusion_seg
