#pragma once
#include <array>

#include "metrics/masks/block_counts.h"

namespace assay {

using Levels = std::array<double, 256>;  // the prediction in [0, 1] for each grey value

/// The structure measure of Fan et al. (ICCV 2017), alpha 0.5, from the counts of the blocks around the mask's
/// centroid: at least 0. Without foreground it is 1 - mean, without background the mean of the prediction. Deviations
/// divide by N - 1; that of one pixel is 0. A block without pixels, where the published programs compute 0 times NaN,
/// weighs nothing. `epsilon` guards the divisions.
double s_measure(const BlockCounts& counts, const MaskPair& pair, const Levels& level, double epsilon);

}  // namespace assay
