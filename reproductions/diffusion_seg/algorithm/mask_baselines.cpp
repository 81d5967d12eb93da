#include "reproductions/diffusion_seg/algorithm/mask_baselines.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/error.h"
#include "core/philox.h"
#include "reproductions/diffusion_seg/algorithm/attention_cut.h"

namespace assay::diffusion_seg {
namespace {

void check_finite(std::string_view what, std::span<const float> map) {
  if (map.empty()) throw InputError(fmt::format("{}: an empty map", what));
  for (std::size_t i = 0; i < map.size(); ++i)
    if (!std::isfinite(map[i])) throw InputError(fmt::format("{}: {} at place {}; accepted: finite", what, map[i], i));
}

}  // namespace

std::vector<std::uint8_t> above(std::span<const float> map, double threshold) {
  std::vector<std::uint8_t> mask(map.size());
  for (std::size_t i = 0; i < map.size(); ++i) {
    if (std::isnan(map[i])) throw InputError(fmt::format("threshold: nan at place {}", i));
    mask[i] = map[i] > threshold ? 1 : 0;
  }
  return mask;
}

double otsu_threshold(std::span<const float> map, std::int64_t bins) {
  check_finite("Otsu's threshold", map);
  if (bins < 2) throw InputError(fmt::format("Otsu's threshold: {} bins; accepted: 2 or more", bins));
  const auto [least, most] = std::minmax_element(map.begin(), map.end());
  const double low = *least, range = double{*most} - low;
  if (range == 0.0) return low;
  const auto count = static_cast<std::size_t>(bins);
  const double width = range / static_cast<double>(bins);
  const auto edge = [&](std::size_t bin) { return low + static_cast<double>(bin) * width; };
  std::vector<double> pixels(count, 0.0);
  for (const float value : map) {
    auto bin = std::min(static_cast<std::size_t>((value - low) / range * static_cast<double>(bins)), count - 1);
    // The edges decide where the quotient was rounded across one.
    if (value < edge(bin)) --bin;
    if (bin + 1 < count && value >= edge(bin + 1)) ++bin;
    pixels[bin] += 1.0;
  }
  const auto centre = [&](std::size_t bin) { return (edge(bin) + edge(bin + 1)) / 2; };
  double total = 0.0;
  for (std::size_t bin = 0; bin < count; ++bin) total += pixels[bin] * centre(bin);
  const auto all = static_cast<double>(map.size());
  double lower = 0.0, lower_sum = 0.0, best = -1.0, threshold = low;
  for (std::size_t bin = 0; bin + 1 < count; ++bin) {
    // An empty bin splits the pixels as the one before it does, and the lowest of equal splits counts.
    if (pixels[bin] == 0.0) continue;
    lower += pixels[bin];
    lower_sum += pixels[bin] * centre(bin);
    const double upper = all - lower, distance = lower_sum / lower - (total - lower_sum) / upper;
    const double variance = lower * upper * distance * distance;
    if (variance > best) {
      best = variance;
      threshold = centre(bin);
    }
  }
  return threshold;
}

BestThreshold best_threshold(std::span<const float> map, std::span<const std::uint8_t> truth) {
  check_finite("best threshold", map);
  if (map.size() != truth.size())
    throw Error(fmt::format("best threshold: a map of {} pixels and a truth of {}", map.size(), truth.size()));
  std::int64_t object = 0;
  for (std::size_t i = 0; i < truth.size(); ++i) {
    if (truth[i] > 1)
      throw InputError(fmt::format("best threshold: truth {} at place {}; accepted: 0 and 1", truth[i], i));
    object += truth[i];
  }
  std::vector<std::size_t> order(map.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return map[a] > map[b]; });
  // Above the largest value nothing is object; then pixels join it value by value.
  BestThreshold best{map[order.front()], object == 0 ? 1.0 : 0.0};
  std::int64_t hits = 0;
  for (std::size_t k = 0; k < order.size(); ++k) {
    hits += truth[order[k]];
    const bool last = k + 1 == order.size();
    if (!last && map[order[k + 1]] == map[order[k]]) continue;
    const auto taken = static_cast<std::int64_t>(k) + 1;
    const double iou = static_cast<double>(hits) / static_cast<double>(taken + object - hits);
    if (iou > best.iou) {
      const float below =
          last ? std::nextafter(map[order[k]], -std::numeric_limits<float>::infinity()) : map[order[k + 1]];
      best = {below, iou};
    }
  }
  return best;
}

std::vector<float> propagated(std::span<const float> self, std::span<const float> map, std::int64_t power) {
  const std::size_t n = map.size();
  if (self.size() != n * n)
    throw Error(fmt::format("propagation: self-attention of {} values for {} pixels", self.size(), n));
  if (power < 0) throw InputError(fmt::format("propagation: power {}; accepted: 0 or more", power));
  std::vector<double> now(map.begin(), map.end()), next(n);
  for (std::int64_t p = 0; p < power; ++p) {
    for (std::size_t i = 0; i < n; ++i) {
      double sum = 0.0;
      for (std::size_t j = 0; j < n; ++j) sum += self[i * n + j] * now[j];
      next[i] = sum;
    }
    now.swap(next);
  }
  return min_max(std::vector<float>(now.begin(), now.end()));
}

std::vector<std::uint8_t> propagated_mask(std::span<const float> self, std::span<const float> map, std::int64_t power,
                                          double threshold) {
  const std::vector<float> spread = propagated(self, map, power);
  std::vector<std::uint8_t> mask(spread.size());
  for (std::size_t i = 0; i < mask.size(); ++i) mask[i] = spread[i] >= threshold ? 1 : 0;
  return mask;
}

std::vector<std::uint8_t> random_mask(std::int64_t pixels, double area, std::uint64_t seed, std::uint64_t item) {
  if (!(area >= 0.0 && area <= 1.0)) throw InputError(fmt::format("random mask: area {}; accepted: 0 to 1", area));
  RandomStream random(seed, Purpose::resample, item);
  std::vector<std::uint8_t> mask(static_cast<std::size_t>(pixels));
  for (std::uint8_t& label : mask) label = random.uniform() < area ? 1 : 0;
  return mask;
}

}  // namespace assay::diffusion_seg
