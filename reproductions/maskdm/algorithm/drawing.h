#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>

#include "diffusion/networks/vit/mask_uvit.h"
#include "reproductions/maskdm/algorithm/process.h"
#include "reproductions/samples/sample_passes.h"

namespace assay::maskdm {

struct DrawOptions {
  PassShape passes;
  std::int64_t steps = 250;  // of DDIM
  double eta = 1.0;
};

/// Images [first, first + count) of a network without classes, by DDIM: [count, C, H, W] uint8 on the CPU. The noise of
/// an image comes from its own stream under `seed`, the same for every network. `progress` gets the number of images
/// that are done.
at::Tensor draw_images(const MaskUVit& network, const Process& process, const DrawOptions& options, std::int64_t first,
                       std::int64_t count, std::uint64_t seed, const std::function<void(std::int64_t)>& progress);

}  // namespace assay::maskdm
