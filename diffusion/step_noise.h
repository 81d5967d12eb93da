#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>

namespace assay {

/// Noise [B, C, H, W] of step i of a sampler (0 is the first taken); asked for only where the step adds noise.
using StepNoise = std::function<at::Tensor(std::int64_t step)>;

}  // namespace assay
