#include "diffusion/guidance/make_guidance.h"

#include "diffusion/guidance/classifier_free.h"

namespace assay {

GuidanceOptions read_guidance_options(ConfigReader& reader, double default_weight) {
  return {reader.real("weight", default_weight, -100.0, 100.0)};
}

std::unique_ptr<Guidance> make_guidance(const GuidanceOptions& options, const Condition& condition) {
  return std::make_unique<ClassifierFreeGuidance>(condition, options.weight);
}

}  // namespace assay
