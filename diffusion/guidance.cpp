#include "diffusion/guidance.h"

#include <fmt/format.h>

#include <cmath>

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

}  // namespace assay
