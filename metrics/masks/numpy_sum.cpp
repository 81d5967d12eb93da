#include "metrics/masks/numpy_sum.h"

#include <algorithm>

namespace assay {
namespace {

template <class At>
double pairwise(std::size_t begin, std::size_t count, const At& at) {
  if (count < 8) {
    // A sum starts at -0.0 there, which shows in no comparison.
    double sum = 0.0;
    for (std::size_t i = 0; i < count; ++i) sum += at(begin + i);
    return sum;
  }
  if (count <= 128) {
    std::array<double, 8> sums{};
    for (std::size_t j = 0; j < 8; ++j) sums[j] = at(begin + j);
    std::size_t i = 8;
    for (; i + 8 <= count; i += 8)
      for (std::size_t j = 0; j < 8; ++j) sums[j] += at(begin + i + j);
    double sum = ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
    for (; i < count; ++i) sum += at(begin + i);
    return sum;
  }
  const std::size_t half = count / 2 - count / 2 % 8;
  return pairwise(begin, half, at) + pairwise(begin + half, count - half, at);
}

}  // namespace

double numpy_sum(std::span<const std::uint8_t> values, const std::array<double, 256>& level) {
  return pairwise(0, values.size(), [&](std::size_t i) { return level[values[i]]; });
}

bool numpy_mean_is_exact(double value, int width, int height, bool whole_rows) {
  const auto constant = [&](std::size_t) { return value; };
  const std::size_t columns = static_cast<std::size_t>(width), rows = static_cast<std::size_t>(height);
  // Rows with gaps between them pass through a buffer of 8192 numbers, as many whole rows at a time as fit.
  const std::size_t chunk = whole_rows ? rows : std::max<std::size_t>(1, 8192 / columns);
  double sum = 0.0;
  for (std::size_t y = 0; y < rows; y += chunk) sum += pairwise(0, columns * std::min(chunk, rows - y), constant);
  return sum / static_cast<double>(columns * rows) == value;
}

}  // namespace assay
