#pragma once
#include "reproductions/diffusion_seg/study.h"

namespace assay::diffusion_seg {

/// How well held-out images, at most inversion.images, come back from the noise that they were inverted to, in stage
/// "inversion": PSNR for each of the numbers of steps that are compared, and for that of the features (arm "inversion",
/// params "steps").
void reconstruct(const Study& s);

}  // namespace assay::diffusion_seg
