#include "metrics/masks/boundary_f.h"

#include <fmt/format.h>

#include <numeric>

#include "core/error.h"

namespace assay {

std::vector<std::uint8_t> boundary_of(const std::uint8_t* mask, int width, int height) {
  std::vector<std::uint8_t> boundary(static_cast<std::size_t>(width) * static_cast<std::size_t>(height), 0);
  for (int y = 0; y < height; ++y) {
    const std::uint8_t* row = mask + static_cast<std::ptrdiff_t>(y) * width;
    for (int x = 0; x < width; ++x) {
      if (row[x] == 0) continue;
      const bool beside = (x > 0 && row[x - 1] == 0) || (x + 1 < width && row[x + 1] == 0);
      const bool above_or_below = (y > 0 && row[x - width] == 0) || (y + 1 < height && row[x + width] == 0);
      boundary[static_cast<std::size_t>(y) * static_cast<std::size_t>(width) + static_cast<std::size_t>(x)] =
          beside || above_or_below ? 1 : 0;
    }
  }
  return boundary;
}

std::int64_t BoundaryF::matched(const std::vector<std::uint8_t>& boundary, const std::vector<std::uint8_t>& other,
                                const MaskPair& masks, double tolerance) {
  std::int64_t count = 0;
  const double squared_tolerance = tolerance * tolerance;
  transform_.run(other.data(), masks.width, masks.height, [&](int y, const DistanceTransform::Row& row) {
    const std::size_t begin = static_cast<std::size_t>(y) * row.squared.size();
    for (std::size_t x = 0; x < row.squared.size(); ++x)
      if (boundary[begin + x] != 0 && static_cast<double>(row.squared[x]) <= squared_tolerance) ++count;
  });
  return count;
}

BoundaryScore BoundaryF::score(const MaskPair& masks, double tolerance) {
  if (!(tolerance >= 0.0 && tolerance < 1 << 20))
    throw InputError(
        fmt::format("boundary F: a tolerance of {} pixels; accepted: from 0 to below {}", tolerance, 1 << 20));
  const std::vector<std::uint8_t> predicted = boundary_of(masks.prediction, masks.width, masks.height);
  const std::vector<std::uint8_t> truth = boundary_of(masks.truth, masks.width, masks.height);
  BoundaryScore out;
  out.predicted = std::accumulate(predicted.begin(), predicted.end(), std::int64_t{0});
  out.truth = std::accumulate(truth.begin(), truth.end(), std::int64_t{0});
  if (out.predicted == 0 || out.truth == 0) {
    out.precision = out.recall = out.f = out.predicted == out.truth ? 1.0 : 0.0;
    return out;
  }
  out.matched_predicted = matched(predicted, truth, masks, tolerance);
  out.matched_truth = matched(truth, predicted, masks, tolerance);
  out.precision = static_cast<double>(out.matched_predicted) / static_cast<double>(out.predicted);
  out.recall = static_cast<double>(out.matched_truth) / static_cast<double>(out.truth);
  const double sum = out.precision + out.recall;
  out.f = sum > 0.0 ? 2.0 * out.precision * out.recall / sum : 0.0;
  return out;
}

}  // namespace assay
