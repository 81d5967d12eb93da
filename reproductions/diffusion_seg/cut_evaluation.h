#pragma once
#include "reproductions/diffusion_seg/algorithm/cut_arms.h"
#include "reproductions/diffusion_seg/study.h"

namespace assay::diffusion_seg {

/// Claims S1 to S3, in stage "cut": every CutArm on images that are drawn for this, against the masks that their
/// colours show; overlap, accuracy and boundary, with overlays of the best and the worst.
void evaluate_cuts(const Study& s, const CutChoices& choices);

}  // namespace assay::diffusion_seg
