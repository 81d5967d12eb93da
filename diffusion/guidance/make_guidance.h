#pragma once
#include <memory>

#include "core/config.h"
#include "diffusion/guidance/interval.h"

namespace assay {

/// What guides by a condition, before it is known which.
struct GuidanceOptions {
  double weight = 1.0;     // w, `imagen` convention
  NoiseInterval interval;  // of the noise levels at which the weight applies
};

/// Reads `weight` and, where it is given, `interval` as [low, high] from the object of the reader. Throws InputError.
GuidanceOptions read_guidance_options(ConfigReader& reader, double default_weight);

/// Guidance of one batch. `condition`: of every row, or undefined for none. Throws as its class.
std::unique_ptr<Guidance> make_guidance(const GuidanceOptions& options, const Condition& condition);

}  // namespace assay
