#pragma once
#include "reproductions/maskdm/study.h"

namespace assay::maskdm {

/// Times training steps at each mask rate, in turn: relative_step_time (the median over that at rate 0), relative_flops
/// and their quotient time_over_flops, arm "mRATE"; the rank correlation of rate and time, arm "cost".
void mask_cost(Study& s);

}  // namespace assay::maskdm
