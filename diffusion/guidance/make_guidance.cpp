#include "diffusion/guidance/make_guidance.h"

namespace assay {

GuidanceOptions read_guidance_options(ConfigReader& reader, double default_weight) {
  GuidanceOptions options;
  options.weight = reader.real("weight", default_weight, -100.0, 100.0);
  const NoiseInterval all;
  options.interval = noise_interval(reader.reals("interval", {all.low, all.high}, 0.0, 1e9));
  return options;
}

std::unique_ptr<Guidance> make_guidance(const GuidanceOptions& options, const Condition& condition) {
  if (options.interval == NoiseInterval{}) return std::make_unique<ClassifierFreeGuidance>(condition, options.weight);
  return std::make_unique<IntervalGuidance>(condition, options.weight, options.interval);
}

}  // namespace assay
