#pragma once
#include <string>
#include <vector>

#include "reproductions/maskdm/study.h"

namespace assay::maskdm {

/// How a trace swings over its second half.
struct Swing {
  double spread = 0;  // deviation over mean
  double spikes = 0;  // share of values above twice the median
};
/// Throws Error for a trace of fewer than four values.
Swing swing_of(const std::vector<float>& trace);

/// Trains some steps at one mask with each batch size and records loss_spread, gradient_norm_spread, gradient_spikes
/// and diverged (1 or 0), arm "batchB".
void stability(Study& s);

}  // namespace assay::maskdm
