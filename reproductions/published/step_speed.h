#pragma once
#include <ATen/core/Tensor.h>

#include "reproductions/plan.h"

namespace assay {

/// FLOPs a second of this machine in guided sampling steps, from steps of a small ADM network and classifier at 32
/// pixels: some seconds. Scaled by FLOPs to other networks it is an estimate, good to a factor of about two. `half`:
/// with their torsos in float16, as published networks run.
StepSpeed measure_step_speed(at::Device device, bool half);

}  // namespace assay
