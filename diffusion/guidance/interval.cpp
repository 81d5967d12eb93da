#include "diffusion/guidance/interval.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/error.h"

namespace assay {

NoiseInterval noise_interval(const std::vector<double>& bounds) {
  if (bounds.size() != 2 || !(bounds[0] >= 0 && bounds[0] < bounds[1]))
    throw InputError(fmt::format(
        "guidance interval [{}]; accepted: two noise levels sigma, [low, high] with 0 <= low < high, as in [0.3, 5]",
        fmt::join(bounds, ", ")));
  return {bounds[0], bounds[1]};
}

Branches IntervalGuidance::predict(const Denoiser& denoiser, const SamplingPoint& point) const {
  return (interval_.contains(point.sigma()) ? inside_ : outside_).predict(denoiser, point);
}

Evaluations IntervalGuidance::evaluations() const {
  return {outside_.evaluations().fewest, inside_.evaluations().most};
}

}  // namespace assay
