#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace assay {

/// Standard normal noise [count, shape...] of the samples [first, first + count) on the CPU, each from a stream of its
/// own under `seed`: the same for every arm, which is what pairs them. `step` 0 is x_T, step i + 1 the noise added by
/// step i of a sampler.
at::Tensor sample_noise(std::int64_t first, std::int64_t count, const std::vector<std::int64_t>& shape,
                        std::uint64_t seed, std::int64_t step = 0);

}  // namespace assay
