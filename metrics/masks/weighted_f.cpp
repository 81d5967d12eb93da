#include "metrics/masks/weighted_f.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace assay {
namespace {

constexpr double epsilon = std::numeric_limits<double>::epsilon();
constexpr int reach = 3;

std::array<double, 7> gaussian() {
  std::array<double, 7> kernel{};
  double sum = 0.0;
  for (int i = -reach; i <= reach; ++i)
    sum += kernel[static_cast<std::size_t>(i + reach)] = std::exp(-static_cast<double>(i * i) / 50.0);
  for (double& weight : kernel) weight /= sum;
  return kernel;
}

/// 2 - 2^(-d/5) by squared distance; exactly 2 in double from the last entry on.
const std::vector<double>& importance() {
  static const std::vector<double> table = [] {
    std::vector<double> values(std::size_t{1} << 17);
    const double rate = std::log(0.5) / 5.0;
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = 2.0 - std::exp(rate * std::sqrt(static_cast<double>(i)));
    return values;
  }();
  return table;
}

}  // namespace

double WeightedF::value(const MaskPair& pair, const std::uint8_t* foreground, const std::array<double, 256>& level,
                        double beta_squared) {
  static const std::array<double, 7> weights = gaussian();
  const std::array<double, 7> kernel = weights;
  const std::vector<double>& weight = importance();
  const auto w = static_cast<std::size_t>(pair.width);
  error_.assign(w + 2 * reach, 0.0);
  smoothed_.resize(w);
  for (auto& row : smooth_) row.assign(w, 0.0);

  double inside = 0.0, outside = 0.0;  // weighted errors on foreground and background
  std::int64_t size = 0;
  const auto finish_row = [&](int y) {
    const std::uint8_t* mask = foreground + static_cast<std::size_t>(y) * w;
    const std::uint8_t* grey = pair.prediction + static_cast<std::size_t>(y) * w;
    std::size_t on = 0;
    for (std::size_t x = 0; x < w; ++x) on += mask[x];
    if (on == 0) return;
    size += static_cast<std::int64_t>(on);
    const double* rows[7];
    for (int i = 0; i < 7; ++i) rows[i] = smooth_[static_cast<std::size_t>((y - reach + i + 7) % 7)].data();
    double* smoothed = smoothed_.data();
    for (std::size_t x = 0; x < w; ++x)
      smoothed[x] = kernel[0] * (rows[0][x] + rows[6][x]) + kernel[1] * (rows[1][x] + rows[5][x]) +
                    kernel[2] * (rows[2][x] + rows[4][x]) + kernel[3] * rows[3][x];
    double sums[4] = {};
    for (std::size_t x = 0; x < w; ++x) sums[x % 4] += mask[x] != 0 ? std::min(1.0 - level[grey[x]], smoothed[x]) : 0.0;
    inside += (sums[0] + sums[1]) + (sums[2] + sums[3]);
  };

  transform_.run(foreground, pair.width, pair.height, [&](int y, const DistanceTransform::Row& nearest) {
    const std::uint8_t* mask = foreground + static_cast<std::size_t>(y) * w;
    const std::uint8_t* grey = pair.prediction + static_cast<std::size_t>(y) * w;
    double* error = error_.data() + reach;
    for (std::size_t x = 0; x < w; ++x)
      error[x] = 1.0 - level[pair.prediction[static_cast<std::size_t>(nearest.nearest[x])]];
    double sums[4] = {};
    for (std::size_t x = 0; x < w; ++x) {
      const auto squared = static_cast<std::size_t>(nearest.squared[x]);
      sums[x % 4] += mask[x] != 0 ? 0.0 : level[grey[x]] * weight[std::min(squared, weight.size() - 1)];
    }
    outside += (sums[0] + sums[1]) + (sums[2] + sums[3]);
    double* smooth = smooth_[static_cast<std::size_t>(y % 7)].data();
    const double* e = error_.data();
    for (std::size_t x = 0; x < w; ++x)
      smooth[x] = kernel[0] * (e[x] + e[x + 6]) + kernel[1] * (e[x + 1] + e[x + 5]) +
                  kernel[2] * (e[x + 2] + e[x + 4]) + kernel[3] * e[x + 3];
    if (y >= reach) finish_row(y - reach);
  });
  // Below the last row there are only zeros.
  for (int y = pair.height; y < pair.height + reach; ++y) {
    auto& row = smooth_[static_cast<std::size_t>(y % 7)];
    std::fill(row.begin(), row.end(), 0.0);
    if (y >= reach) finish_row(y - reach);
  }

  const auto n = static_cast<double>(size);
  const double hit = n - inside;
  const double recall = 1.0 - inside / n, precision = hit / (hit + outside + epsilon);
  return (1.0 + beta_squared) * recall * precision / (recall + beta_squared * precision + epsilon);
}

}  // namespace assay
