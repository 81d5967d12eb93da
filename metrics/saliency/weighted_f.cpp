#include "metrics/saliency/weighted_f.h"

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

/// 2 - 2^(-d/5) by squared distance; exactly 2 in double beyond the table.
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
  static const std::array<double, 7> kernel = gaussian();
  const std::vector<double>& weight = importance();
  const auto w = static_cast<std::size_t>(pair.width);
  error_.assign(w + 2 * reach, 0.0);
  for (auto& row : smooth_) row.assign(w, 0.0);

  double inside = 0.0, outside = 0.0;  // weighted errors on foreground and background
  std::int64_t size = 0;
  const auto finish_row = [&](int y) {
    const std::uint8_t* mask = foreground + static_cast<std::size_t>(y) * w;
    const std::uint8_t* grey = pair.prediction + static_cast<std::size_t>(y) * w;
    const double* rows[7];
    for (int i = 0; i < 7; ++i) rows[i] = smooth_[static_cast<std::size_t>((y - reach + i + 7) % 7)].data();
    for (std::size_t x = 0; x < w; ++x) {
      if (mask[x] == 0) continue;
      double smoothed = 0.0;
      for (std::size_t i = 0; i < 7; ++i) smoothed += kernel[i] * rows[i][x];
      inside += std::min(1.0 - level[grey[x]], smoothed);
      ++size;
    }
  };

  transform_.run(foreground, pair.width, pair.height, [&](int y, const DistanceTransform::Row& nearest) {
    const std::uint8_t* mask = foreground + static_cast<std::size_t>(y) * w;
    const std::uint8_t* grey = pair.prediction + static_cast<std::size_t>(y) * w;
    for (std::size_t x = 0; x < w; ++x) {
      const std::size_t from =
          static_cast<std::size_t>(nearest.row[x]) * w + static_cast<std::size_t>(nearest.column[x]);
      error_[x + reach] = 1.0 - level[pair.prediction[from]];
    }
    for (std::size_t x = 0; x < w; ++x) {
      const double value = level[grey[x]];
      if (mask[x] != 0 || value == 0.0) continue;
      const auto squared = static_cast<std::size_t>(nearest.squared[x]);
      outside += value * (squared < weight.size() ? weight[squared] : 2.0);
    }
    double* smooth = smooth_[static_cast<std::size_t>(y % 7)].data();
    for (std::size_t x = 0; x < w; ++x) {
      double sum = 0.0;
      for (std::size_t i = 0; i < 7; ++i) sum += kernel[i] * error_[x + i];
      smooth[x] = sum;
    }
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
