#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "reproductions/samples/sample_passes.h"

namespace assay {

/// Which samples of a seed are drawn, and how many at once.
struct Drawing {
  std::int64_t first = 0;  // number of the first one, which names its noise
  std::int64_t count = 0;
  std::vector<std::int64_t> shape = {};  // of a sample as the network sees it: [C, H, W]
  std::uint64_t seed = 0;
  at::Device device = at::kCPU;
  PassShape passes = {};
};

/// Standard normal noise [rows, C, H, W] of the samples of a pass, on the device: x_T for step 0, and for step i + 1
/// what step i of a sampler adds. Each sample has a stream of its own under the seed, the same in every arm.
using PassNoise = std::function<at::Tensor(std::int64_t step)>;

/// The samples [count, 3, H, W] as uint8 on the CPU, by to_bytes(). `sampler` makes images [rows, 3, H, W] in [-1, 1]
/// of a pass from its noise; no gradients are recorded. `progress` gets the number of samples that are done.
at::Tensor draw_samples(const Drawing& drawing,
                        const std::function<at::Tensor(const SamplePass&, const PassNoise&)>& sampler,
                        const std::function<void(std::int64_t)>& progress);

}  // namespace assay
