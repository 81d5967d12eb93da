#pragma once
#include <nlohmann/json.hpp>

#include "reproductions/diffusion_seg/algorithm/pair_files.h"
#include "reproductions/diffusion_seg/study.h"

namespace assay::diffusion_seg {

/// Claims S4 to S6: decoders trained on synthetic pairs alone, in stages "train:decoder ARM", and what they make of
/// held-out real images, in stages "segment:ARM". Arms:
///   inversion, noised, rgb   by what the decoder sees (FeatureKind), trained on AttentionCut's masks
///   inversion_exact          trained on the exact masks, of a data set with palettes
///   inversion, {"pairs": n}  trained on the first n pairs
/// Soft maps are scored; max_f of the hard ones has params {"map": "hard"}. Kinds of features side by side. Returns
/// {arm: {"iou", "corloc"}}, a value an image, of the arms without params.
nlohmann::json segment_by_decoders(const Study& s, const PairSet& pairs);

}  // namespace assay::diffusion_seg
