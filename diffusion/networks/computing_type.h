#pragma once
#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

namespace assay {

/// What a network that only predicts computes in, once Parameters::pack() has arranged it, where its weights are kept
/// in `kept`. On the CPU: float32 for float32, float16 and bfloat16, whose values are widened as they are multiplied,
/// except for bfloat16 where the processor has instructions of its own for it (AVX512_BF16). Elsewhere `kept`.
at::ScalarType computing_type(at::ScalarType kept, at::Device device);

}  // namespace assay
