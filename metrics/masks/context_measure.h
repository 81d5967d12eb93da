#pragma once
#include <array>

#include "metrics/masks/block_counts.h"
#include "metrics/masks/mask_pair.h"

namespace assay {

/// The context-measure (Wang, Ji, Shao, Cheng, Fan, arXiv:2512.07076) as PySODMetrics 1.6.2 works it out with its
/// defaults (beta^2 = 1, alpha = 6): a Gaussian window of the shape of the mask's own covariance, scaled to a total
/// deviation of 6 pixels, says how much mask there is about a predicted pixel and how much prediction about a pixel of
/// the mask; the value is the harmonic mean of both averages. Windows are mirrored at the image's edge.
///
/// `level[v]` is the prediction in [0, 1] for grey value v; `foreground` the truth of `pair`. As there, the first of
/// the two is rounded to float32, and summed in it where the window has fewer than 130 pixels. NaN for a mask of two or
/// more pixels on one line that is neither a row nor a column: its covariance has no inverse, and the program stops or
/// computes with rounding.
double context_measure(const MaskPair& pair, const Foreground& foreground, const std::array<double, 256>& level);

}  // namespace assay
