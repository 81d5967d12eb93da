#pragma once
#include "reproductions/diffusion_seg/algorithm/cut_arms.h"
#include "reproductions/diffusion_seg/algorithm/pair_files.h"
#include "reproductions/diffusion_seg/study.h"

namespace assay::diffusion_seg {

inline constexpr const char *cut_mask = "cut", *exact_mask = "exact";

/// The data set of drawn images and their masks, made in stage "synthesis" in the folder `pairs` of the run's
/// artifacts: masks `cut` of AttentionCut and, of a data set with palettes, `exact`. Pairs of a mask that is too small
/// or too large are kept aside and counted. A run that was killed goes on behind its last complete pair.
PairSet synthesised(const Study& s, const CutChoices& choices);

/// What the pairs of a run were made by, which PairSet::made_by() says too.
nlohmann::json pairs_identity(const Study& s, const CutChoices& choices);

}  // namespace assay::diffusion_seg
