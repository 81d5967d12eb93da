#include "metrics/masks/weighted_f.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "images/image.h"

namespace assay {
namespace {

constexpr double epsilon = std::numeric_limits<double>::epsilon();
constexpr int reach = 3;

std::array<double, 7> gaussian() {
  std::array<double, 7> kernel{};
  double sum = 0.0;
  for (int i = -reach; i <= reach; ++i)
    sum += kernel[static_cast<std::size_t>(i) + static_cast<std::size_t>(reach)] =
        std::exp(-static_cast<double>(i * i) / 50.0);
  for (double& weight : kernel) weight /= sum;
  return kernel;
}

/// 2 - 2^(-d/5) by squared distance; exactly 2 in double from the last entry on.
const std::vector<double>& importance() {
  static const std::vector<double> table = [] {
    std::vector<double> values;
    values.reserve(std::size_t{1} << 17);
    const double rate = std::log(0.5) / 5.0;
    while (values.empty() || values.back() < 2.0)
      values.push_back(2.0 - std::exp(rate * std::sqrt(static_cast<double>(values.size()))));
    return values;
  }();
  return table;
}

/// Four sums, of which add(sum, x) gives number x modulo 4 with the term of x, for x in [begin, end).
template <class Add>
double sum_in_lanes(std::size_t begin, std::size_t end, const Add& add) {
  double sums[4] = {};
  std::size_t x = begin;
  for (; x < end && x % 4 != 0; ++x) sums[x % 4] = add(sums[x % 4], x);
  double a = sums[0], b = sums[1], c = sums[2], d = sums[3];
  for (; x + 4 <= end; x += 4) {
    a = add(a, x);
    b = add(b, x + 1);
    c = add(c, x + 2);
    d = add(d, x + 3);
  }
  if (x < end) a = add(a, x);
  if (x + 1 < end) b = add(b, x + 1);
  if (x + 2 < end) c = add(c, x + 2);
  return (a + b) + (c + d);
}

/// The smallest box around a mask of 0 and 1 that holds a 1.
Box box_around(const std::uint8_t* mask, int width, int height) {
  const auto w = static_cast<std::size_t>(width);
  Box box{width, height, 0, 0};
  for (int y = 0; y < height; ++y) {
    const std::uint8_t *row = mask + static_cast<std::size_t>(y) * w, *end = row + w;
    const std::uint8_t* first = std::find(row, end, 1);
    if (first == end) continue;
    const std::uint8_t* last = end;
    while (last[-1] == 0) --last;
    box.x0 = std::min(box.x0, static_cast<int>(first - row));
    box.x1 = std::max(box.x1, static_cast<int>(last - row));
    box.y0 = std::min(box.y0, y);
    box.y1 = y + 1;
  }
  return box;
}

}  // namespace

double WeightedF::value(const MaskPair& pair, const std::uint8_t* foreground, const std::array<double, 256>& level,
                        double beta_squared) {
  static const std::array<double, 7> weights = gaussian();
  const std::array<double, 7> kernel = weights;
  const double* weight = importance().data();
  const auto farthest = static_cast<std::int64_t>(importance().size()) - 1;
  const auto w = static_cast<std::size_t>(pair.width);
  error_.assign(w + 2 * reach, 0.0);
  smoothed_.resize(w);
  for (auto& row : smooth_) row.assign(w, 0.0);
  // Smoothed errors are asked for on the foreground alone.
  const Box box = box_around(foreground, pair.width, pair.height);
  const auto left = static_cast<std::size_t>(box.x0), right = static_cast<std::size_t>(box.x1);
  const std::size_t from = left - std::min<std::size_t>(left, reach), to = std::min(right + reach, w);

  double inside = 0.0, outside = 0.0;  // weighted errors on foreground and background
  std::int64_t size = 0;
  const auto finish_row = [&](int y) {
    const std::uint8_t* mask = foreground + static_cast<std::size_t>(y) * w;
    const std::uint8_t* grey = pair.prediction + static_cast<std::size_t>(y) * w;
    std::size_t on = 0;
    for (std::size_t x = left; x < right; ++x) on += mask[x];
    if (on == 0) return;
    size += static_cast<std::int64_t>(on);
    const double* rows[7];
    for (int i = 0; i < 7; ++i) rows[i] = smooth_[static_cast<std::size_t>((y - reach + i + 7) % 7)].data();
    double* smoothed = smoothed_.data();
    for (std::size_t x = left; x < right; ++x)
      smoothed[x] = kernel[0] * (rows[0][x] + rows[6][x]) + kernel[1] * (rows[1][x] + rows[5][x]) +
                    kernel[2] * (rows[2][x] + rows[4][x]) + kernel[3] * rows[3][x];
    inside += sum_in_lanes(left, right, [&](double sum, std::size_t x) {
      return mask[x] != 0 ? sum + std::min(1.0 - level[grey[x]], smoothed[x]) : sum;
    });
  };

  transform_.run(foreground, pair.width, pair.height, [&](int y, const DistanceTransform::Row& nearest) {
    const std::uint8_t* mask = foreground + static_cast<std::size_t>(y) * w;
    const std::uint8_t* grey = pair.prediction + static_cast<std::size_t>(y) * w;
    const std::int64_t* squared = nearest.squared.data();
    // An explicit fused sum: whether a compiler fuses one by itself changes the last bit.
    outside += sum_in_lanes(0, w, [&](double sum, std::size_t x) {
      return mask[x] != 0 ? sum : std::fma(level[grey[x]], weight[std::min(squared[x], farthest)], sum);
    });
    if (y < box.y0 - reach || y >= box.y1 + reach) return;
    double* error = error_.data() + reach;
    for (std::size_t x = from; x < to; ++x)
      error[x] = 1.0 - level[pair.prediction[static_cast<std::size_t>(nearest.nearest[x])]];
    double* smooth = smooth_[static_cast<std::size_t>(y % 7)].data();
    const double* e = error_.data();
    for (std::size_t x = left; x < right; ++x)
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
