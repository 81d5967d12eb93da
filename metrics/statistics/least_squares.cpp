#include "metrics/statistics/least_squares.h"

#include <fmt/format.h>

#include <cstddef>

#include "core/error.h"

namespace assay {

double least_squares_slope(std::span<const double> x, std::span<const double> y) {
  if (x.size() != y.size() || x.size() < 2)
    throw InputError(
        fmt::format("a line through {} x and {} y; expected as many of both, at least 2", x.size(), y.size()));
  const auto n = static_cast<double>(x.size());
  double mean_x = 0, mean_y = 0, xx = 0, xy = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    mean_x += x[i] / n;
    mean_y += y[i] / n;
  }
  for (std::size_t i = 0; i < x.size(); ++i) {
    xx += (x[i] - mean_x) * (x[i] - mean_x);
    xy += (x[i] - mean_x) * (y[i] - mean_y);
  }
  if (!(xx > 0)) throw InputError("a line needs x that differ");
  return xy / xx;
}

}  // namespace assay
