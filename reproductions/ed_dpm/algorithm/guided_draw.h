#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "diffusion/guidance/classifier_guidance.h"
#include "diffusion/sampling/adm_sampler.h"
#include "reproductions/samples/sample_passes.h"

namespace assay::ed_dpm {

/// How the samples of an arm are drawn.
struct GuidedDraw {
  const GaussianProcess& process;
  const Denoiser& denoiser;      // with or without a class embedding
  const Classifier* classifier;  // null: no guidance
  AdmSampling sampling;
  ClassifierGuidanceOptions guidance;
  std::int64_t side;  // pixels
  PassShape passes;
  std::uint64_t seed;
  at::Device device;
};

struct Drawn {
  at::Tensor bytes;  // [count, 3, side, side] uint8 on the CPU
  GuidanceEvents events;
};

/// Samples first, first + 1, ... asking for the class `asked[i]` each; noise and step noise of sample i come from its
/// own stream. Throws InputError for a class out of range, Error where faithful guidance is not finite.
Drawn draw_guided(const GuidedDraw& draw, const std::vector<std::int64_t>& asked, std::int64_t first,
                  const std::function<void(std::int64_t)>& progress);

}  // namespace assay::ed_dpm
