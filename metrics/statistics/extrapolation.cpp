#include "metrics/statistics/extrapolation.h"

#include <fmt/format.h>

#include <cmath>

#include "core/error.h"
#include "core/student_t.h"

namespace assay {

InverseFit fit_inverse(std::span<const std::int64_t> sizes, std::span<const double> values, double level) {
  if (sizes.size() != values.size() || sizes.size() < 3)
    throw InputError(fmt::format("a fit over 1/n needs at least 3 sizes with a value each, got {} and {}", sizes.size(),
                                 values.size()));
  const auto points = static_cast<double>(sizes.size());
  double mean_x = 0.0, mean_y = 0.0;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] < 1) throw InputError(fmt::format("a fit over 1/n needs sizes of at least 1, got {}", sizes[i]));
    mean_x += 1.0 / static_cast<double>(sizes[i]) / points;
    mean_y += values[i] / points;
  }
  double xx = 0.0, xy = 0.0;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    const double x = 1.0 / static_cast<double>(sizes[i]) - mean_x;
    xx += x * x;
    xy += x * (values[i] - mean_y);
  }
  if (!(xx > 1e-20 * mean_x * mean_x)) throw InputError("a fit over 1/n needs sizes that differ");
  InverseFit out{};
  out.slope = xy / xx;
  out.limit = mean_y - out.slope * mean_x;
  double squares = 0.0;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    const double rest = values[i] - out.limit - out.slope / static_cast<double>(sizes[i]);
    squares += rest * rest;
  }
  out.deviation = std::sqrt(squares / (points - 2.0) * (1.0 / points + mean_x * mean_x / xx));
  const double reach = out.deviation * student_t_quantile((1.0 + level) / 2.0, points - 2.0);
  out.interval = {.low = out.limit - reach, .high = out.limit + reach, .level = level};
  return out;
}

std::vector<std::int64_t> spread_sizes(std::int64_t smallest, std::int64_t largest, std::int64_t points) {
  std::vector<std::int64_t> out(static_cast<std::size_t>(points));
  const double step = points > 1 ? static_cast<double>(largest - smallest) / static_cast<double>(points - 1) : 0.0;
  for (std::int64_t i = 0; i < points; ++i)
    out[static_cast<std::size_t>(i)] =
        static_cast<std::int64_t>(static_cast<double>(smallest) + static_cast<double>(i) * step);
  if (points > 1) out.back() = largest;
  return out;
}

}  // namespace assay
