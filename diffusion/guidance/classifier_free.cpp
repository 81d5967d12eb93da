#include "diffusion/guidance/classifier_free.h"

#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "core/error.h"
#include "core/nearest.h"

namespace assay {

GuidanceConvention read_guidance_convention(const std::string& name) {
  if (name == "imagen") return GuidanceConvention::imagen;
  if (name == "cfg") return GuidanceConvention::cfg;
  throw InputError(unknown_name_message("guidance convention", name, {"imagen", "cfg"}));
}

double to_imagen(double w, GuidanceConvention convention) {
  if (!std::isfinite(w)) throw InputError(fmt::format("guidance weight w = {} is not a finite number", w));
  return convention == GuidanceConvention::cfg ? 1.0 + w : w;
}

ClassifierFreeGuidance::ClassifierFreeGuidance(Condition condition, double weight)
    : condition_(std::move(condition)), weight_(to_imagen(weight, GuidanceConvention::imagen)) {}

Branches ClassifierFreeGuidance::predict(const Denoiser& denoiser, const SamplingPoint& point) const {
  Branches branches;
  branches.weight = weight_;
  if (needs_with()) branches.with = denoiser.predict(point.x, point.timesteps, condition_);
  if (needs_without()) branches.without = unconditional_prediction(denoiser, point);
  return branches;
}

Evaluations ClassifierFreeGuidance::evaluations() const {
  const std::int64_t count = needs_with() && needs_without() ? 2 : 1;
  return {count, count};
}

}  // namespace assay
