#include "metrics/masks/s_measure.h"

#include <algorithm>
#include <cmath>

#include "metrics/masks/numpy_sum.h"

namespace assay {
namespace {

double object_score(const std::array<std::int64_t, 256>& counts, const Levels& value, double epsilon) {
  std::int64_t size = 0;
  double sum = 0.0;
  for (std::size_t v = 0; v < 256; ++v) {
    size += counts[v];
    sum += static_cast<double>(counts[v]) * value[v];
  }
  const auto n = static_cast<double>(size);
  const double mean = sum / n;
  double squares = 0.0;
  for (std::size_t v = 0; v < 256; ++v)
    if (counts[v] > 0) squares += static_cast<double>(counts[v]) * (value[v] - mean) * (value[v] - mean);
  const double deviation = size > 1 ? std::sqrt(squares / (n - 1.0)) : 0.0;
  return 2.0 * mean / (mean * mean + 1.0 + deviation + epsilon);
}

/// Similarity of prediction and mask in a block of `width` x `height` pixels; `whole_rows`: the block spans the image.
double block_score(const GreyCounts& counts, const Levels& level, int width, int height, bool whole_rows,
                   double epsilon) {
  std::int64_t on = 0, levels_present = 0;
  std::size_t present = 0;
  double sum = 0.0;
  for (std::size_t v = 0; v < 256; ++v) {
    on += counts[1][v];
    if (counts[0][v] + counts[1][v] == 0) continue;
    ++levels_present;
    present = v;
    sum += static_cast<double>(counts[0][v] + counts[1][v]) * level[v];
  }
  const auto n = static_cast<double>(width) * static_cast<double>(height);
  const double y = static_cast<double>(on) / n;
  const bool flat_mask = y == 0.0 || y == 1.0;
  if (levels_present == 1 && flat_mask) {
    // Two flat blocks agree fully if the mean of equal numbers is that number: rounding decides, as in NumPy.
    return numpy_mean_is_exact(level[present], width, height, whole_rows) ? 1.0 : 0.0;
  }
  if (flat_mask || levels_present == 1) return 0.0;
  const double x = sum / n;
  double xx = 0.0, xy = 0.0;
  for (std::size_t v = 0; v < 256; ++v) {
    const double d = level[v] - x;
    const auto off_mask = static_cast<double>(counts[0][v]), on_mask = static_cast<double>(counts[1][v]);
    if (off_mask + on_mask == 0.0) continue;
    xx += (off_mask + on_mask) * d * d;
    xy += d * (on_mask * (1.0 - y) - off_mask * y);
  }
  const double yy = static_cast<double>(on) * (1.0 - y) * (1.0 - y) + (n - static_cast<double>(on)) * y * y;
  const double divisor = n - 1.0 + epsilon;
  const double alpha = 4.0 * x * y * xy / divisor, beta = (x * x + y * y) * (xx / divisor + yy / divisor);
  return alpha / (beta + epsilon);
}

}  // namespace

double s_measure(const BlockCounts& counts, const MaskPair& pair, const Levels& level, double epsilon) {
  const double area = static_cast<double>(pair.width) * static_cast<double>(pair.height);
  double sum = 0.0;
  std::int64_t on = 0;
  for (std::size_t v = 0; v < 256; ++v) {
    sum += static_cast<double>(counts.whole[0][v] + counts.whole[1][v]) * level[v];
    on += counts.whole[1][v];
  }
  const double y = static_cast<double>(on) / area;
  if (y == 0.0) return 1.0 - sum / area;
  if (y == 1.0) return sum / area;

  Levels background{};
  for (std::size_t v = 0; v < 256; ++v) background[v] = 1.0 - level[v];
  const double object = object_score(counts.whole[1], level, epsilon) * y +
                        object_score(counts.whole[0], background, epsilon) * (1.0 - y);

  const int right = pair.width - counts.cx, below = pair.height - counts.cy;
  const int widths[] = {counts.cx, right, counts.cx, right}, heights[] = {counts.cy, counts.cy, below, below};
  double region = 0.0, weights = 0.0;
  for (std::size_t b = 0; b < 4; ++b) {
    const double weight =
        b < 3 ? static_cast<double>(widths[b]) * static_cast<double>(heights[b]) / area : 1.0 - weights;
    weights += weight;
    if (widths[b] == 0 || heights[b] == 0) continue;
    region += weight * block_score(counts.blocks[b], level, widths[b], heights[b], widths[b] == pair.width, epsilon);
  }
  // The paper cuts at 0; the four weights may add up to 1 + 2e-16.
  return std::clamp(0.5 * object + 0.5 * region, 0.0, 1.0);
}

}  // namespace assay
