#include "metrics/masks/corloc.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/error.h"

namespace assay {
namespace {

/// By bisection, for a probability in [0.5, 1).
double normal_quantile(double probability) {
  double low = 0.0, high = 40.0;
  for (;;) {  // until the two are neighbours in double
    const double middle = low + (high - low) / 2.0;
    if (middle <= low || middle >= high) return middle;
    (std::erfc(middle / std::sqrt(2.0)) / 2.0 > 1.0 - probability ? low : high) = middle;
  }
}

}  // namespace

double lost_iou(const BoxCorners& a, const BoxCorners& b) {
  constexpr float epsilon = 1e-7f;
  const double width = std::max(0.0, std::min(a[2], b[2]) - std::max(a[0], b[0]));
  const double height = std::max(0.0, std::min(a[3], b[3]) - std::max(a[1], b[1]));
  const auto both = static_cast<float>(width * height);
  const auto area = [](const BoxCorners& box) {
    return static_cast<float>(box[2] - box[0]) * (static_cast<float>(box[3] - box[1]) + epsilon);
  };
  return static_cast<double>(both / (area(a) + area(b) - both + epsilon));
}

bool correctly_localised(const BoxCorners& box, std::span<const BoxCorners> truth) {
  return std::any_of(truth.begin(), truth.end(), [&](const BoxCorners& one) { return lost_iou(box, one) >= 0.5; });
}

ScoreInterval corloc_interval(std::int64_t hits, std::int64_t n, std::string method) {
  if (n < 1 || hits < 0 || hits > n) throw InputError(fmt::format("no share of {} in {}", hits, n));
  constexpr double level = 0.95;
  const double z = normal_quantile((1.0 + level) / 2.0);
  const auto total = static_cast<double>(n);
  const double share = static_cast<double>(hits) / total, zz = z * z;
  const double centre = (share + zz / (2.0 * total)) / (1.0 + zz / total);
  const double reach = z / (1.0 + zz / total) * std::sqrt(share * (1.0 - share) / total + zz / (4.0 * total * total));
  // A share of 0 or 1 is its own end of the interval; rounding must not move it past.
  return {.low = hits == 0 ? 0.0 : std::max(0.0, centre - reach),
          .high = hits == n ? 1.0 : std::min(1.0, centre + reach),
          .level = level,
          .method = std::move(method)};
}

}  // namespace assay
