#include "reproductions/diffusion_seg/algorithm/attention_cut.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "core/config.h"
#include "core/error.h"

namespace assay::diffusion_seg {
namespace {

constexpr Names<Neighbourhood> neighbourhood_names = {{"all_pairs", Neighbourhood::all_pairs},
                                                      {"eight_neighbours", Neighbourhood::eight_neighbours},
                                                      {"top_k", Neighbourhood::top_k}};

void check_size(std::string_view what, std::size_t got, std::int64_t height, std::int64_t width) {
  if (height < 1 || width < 1 || got != static_cast<std::size_t>(height) * static_cast<std::size_t>(width))
    throw Error(fmt::format("{}: {} values for {} x {}", what, got, height, width));
}

void check_in_unit_range(std::string_view what, std::span<const float> values) {
  for (std::size_t i = 0; i < values.size(); ++i)
    if (!(values[i] >= 0.0f && values[i] <= 1.0f))
      throw InputError(fmt::format("{}: {} at place {}; accepted: 0 to 1", what, values[i], i));
}

/// Four neighbours of a new pixel along one axis, and what each weighs: Keys' cubic convolution with a = -0.75.
struct CubicTaps {
  std::array<std::size_t, 4> at;
  std::array<double, 4> weight;
};

std::vector<CubicTaps> cubic_taps(std::int64_t size, std::int64_t new_size) {
  constexpr double a = -0.75;
  const auto near = [](double x) { return ((a + 2) * x - (a + 3)) * x * x + 1; };       // |x| <= 1
  const auto far = [](double x) { return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a; };  // 1 < |x| < 2
  std::vector<CubicTaps> taps(static_cast<std::size_t>(new_size));
  for (std::int64_t i = 0; i < new_size; ++i) {
    const double from =
        (static_cast<double>(i) + 0.5) * static_cast<double>(size) / static_cast<double>(new_size) - 0.5;
    const double left = std::floor(from), t = from - left;
    CubicTaps& tap = taps[static_cast<std::size_t>(i)];
    tap.weight = {far(t + 1), near(t), near(1 - t), far(2 - t)};
    for (std::size_t k = 0; k < 4; ++k)
      tap.at[k] = static_cast<std::size_t>(
          std::clamp<std::int64_t>(static_cast<std::int64_t>(left) - 1 + static_cast<std::int64_t>(k), 0, size - 1));
  }
  return taps;
}

/// Two neighbours of a new pixel along one axis; of `whole` parts the second has `second`.
struct LinearTaps {
  std::size_t first, next;
  std::int64_t second;
};

std::vector<LinearTaps> linear_taps(std::int64_t size, std::int64_t new_size) {
  const std::int64_t whole = 2 * new_size;
  std::vector<LinearTaps> taps;
  taps.reserve(static_cast<std::size_t>(new_size));
  for (std::int64_t i = 0; i < new_size; ++i) {
    const std::int64_t from = std::max<std::int64_t>((2 * i + 1) * size - new_size, 0);
    const std::int64_t first = from / whole;
    taps.push_back(
        {static_cast<std::size_t>(first), static_cast<std::size_t>(std::min(first + 1, size - 1)), from % whole});
  }
  return taps;
}

/// The pairs in which one pixel is among the k nearest of the other, i < j, each once.
std::vector<std::pair<std::int64_t, std::int64_t>> nearest_pairs(const std::vector<float>& affinity, std::int64_t n,
                                                                 std::int64_t k) {
  const std::int64_t count = std::min(k, n - 1);
  std::vector<std::pair<std::int64_t, std::int64_t>> pairs;
  pairs.reserve(static_cast<std::size_t>(n * count));
  std::vector<std::int64_t> others(static_cast<std::size_t>(n - 1));
  for (std::int64_t i = 0; i < n; ++i) {
    std::iota(others.begin(), others.begin() + static_cast<std::ptrdiff_t>(i), 0);
    std::iota(others.begin() + static_cast<std::ptrdiff_t>(i), others.end(), i + 1);
    const float* row = affinity.data() + i * n;
    std::partial_sort(others.begin(), others.begin() + static_cast<std::ptrdiff_t>(count), others.end(),
                      [row](std::int64_t a, std::int64_t b) { return row[a] != row[b] ? row[a] > row[b] : a < b; });
    for (std::int64_t m = 0; m < count; ++m) {
      const std::int64_t j = others[static_cast<std::size_t>(m)];
      pairs.emplace_back(std::min(i, j), std::max(i, j));
    }
  }
  std::sort(pairs.begin(), pairs.end());
  pairs.erase(std::unique(pairs.begin(), pairs.end()), pairs.end());
  return pairs;
}

}  // namespace

AttentionCutOptions read_attention_cut_options(const nlohmann::json& object, const std::string& where) {
  ConfigReader reader(object, where);
  const auto seed = [&](const std::string& key) -> std::optional<double> {
    reader.allow(key);
    if (!object.contains(key) || object.at(key).is_null()) return std::nullopt;
    return reader.real(key, 0.0, 0.0, 1.0);
  };
  AttentionCutOptions o;
  o.lambda = reader.real("lambda", o.lambda, 0.0, 1e6);
  o.neighbourhood = reader.choice("neighbourhood", o.neighbourhood, neighbourhood_names);
  o.top_k = reader.integer("top_k", o.top_k, 1);
  o.colour = reader.boolean("colour", o.colour);
  o.sigma = reader.real("sigma", o.sigma, 1e-6, 1e6);
  o.seed_high = seed("seed_high");
  o.seed_low = seed("seed_low");
  o.eps = reader.real("eps", o.eps, 1e-300, 0.5);
  o.reject = reader.boolean("reject", o.reject);
  o.area_least = reader.real("area_least", o.area_least, 0.0, 1.0);
  o.area_most = reader.real("area_most", o.area_most, 0.0, 1.0);
  reader.finish();
  if (o.seed_high && o.seed_low && *o.seed_low >= *o.seed_high)
    throw InputError(fmt::format("{}.seed_low: {} is not below seed_high, {}", where, *o.seed_low, *o.seed_high));
  if (o.area_least > o.area_most)
    throw InputError(fmt::format("{}.area_least: {} is above area_most, {}", where, o.area_least, o.area_most));
  return o;
}

nlohmann::json to_json(const AttentionCutOptions& o) {
  const auto seed = [](const std::optional<double>& value) {
    return value ? nlohmann::json(*value) : nlohmann::json();
  };
  return {{"lambda", o.lambda},
          {"neighbourhood", name_of(o.neighbourhood, neighbourhood_names)},
          {"top_k", o.top_k},
          {"colour", o.colour},
          {"sigma", o.sigma},
          {"seed_high", seed(o.seed_high)},
          {"seed_low", seed(o.seed_low)},
          {"eps", o.eps},
          {"reject", o.reject},
          {"area_least", o.area_least},
          {"area_most", o.area_most}};
}

std::vector<float> object_attention(std::span<const float> maps, std::int64_t tokens,
                                    std::span<const std::int64_t> object) {
  if (tokens < 1 || maps.size() % static_cast<std::size_t>(tokens) != 0)
    throw Error(fmt::format("cross-attention: {} values for {} tokens", maps.size(), tokens));
  if (object.empty()) throw InputError("cross-attention: no token of the object");
  for (const std::int64_t token : object)
    if (token < 0 || token >= tokens)
      throw InputError(fmt::format("cross-attention: token {}; accepted: 0 to {}", token, tokens - 1));
  std::vector<float> means(maps.size() / static_cast<std::size_t>(tokens));
  for (std::size_t i = 0; i < means.size(); ++i) {
    const float* row = maps.data() + i * static_cast<std::size_t>(tokens);
    double sum = 0.0;
    for (const std::int64_t token : object) sum += row[token];
    means[i] = static_cast<float>(sum / static_cast<double>(object.size()));
  }
  return means;
}

std::vector<float> resize_bicubic(std::span<const float> map, std::int64_t height, std::int64_t width,
                                  std::int64_t new_height, std::int64_t new_width) {
  check_size("bicubic resize", map.size(), height, width);
  if (new_height < 1 || new_width < 1) throw Error(fmt::format("bicubic resize: to {} x {}", new_height, new_width));
  const std::vector<CubicTaps> down = cubic_taps(height, new_height), across = cubic_taps(width, new_width);
  std::vector<float> out;
  out.reserve(down.size() * across.size());
  for (const CubicTaps& y : down)
    for (const CubicTaps& x : across) {
      double sum = 0.0;
      for (std::size_t k = 0; k < 4; ++k) {
        const float* row = map.data() + y.at[k] * static_cast<std::size_t>(width);
        double line = 0.0;
        for (std::size_t m = 0; m < 4; ++m) line += x.weight[m] * row[x.at[m]];
        sum += y.weight[k] * line;
      }
      out.push_back(static_cast<float>(sum));
    }
  return out;
}

std::vector<float> min_max(std::span<const float> map) {
  for (std::size_t i = 0; i < map.size(); ++i)
    if (!std::isfinite(map[i])) throw InputError(fmt::format("map: {} at place {}; accepted: finite", map[i], i));
  std::vector<float> out(map.size(), 0.0f);
  if (map.empty()) return out;
  const auto [least, most] = std::minmax_element(map.begin(), map.end());
  const double low = *least, range = double{*most} - low;
  if (range > 0)
    for (std::size_t i = 0; i < map.size(); ++i) out[i] = static_cast<float>((map[i] - low) / range);
  return out;
}

std::vector<float> self_affinity(std::span<const float> self) {
  const auto n = static_cast<std::size_t>(std::llround(std::sqrt(static_cast<double>(self.size()))));
  if (n * n != self.size()) throw Error(fmt::format("self-attention: {} values are no square", self.size()));
  for (std::size_t i = 0; i < n; ++i) {
    double sum = 0.0;
    for (std::size_t j = 0; j < n; ++j) {
      const float value = self[i * n + j];
      if (!(value >= 0.0f) || !std::isfinite(value))
        throw InputError(
            fmt::format("self-attention: {} from pixel {} to {}; accepted: finite and at least 0", value, i, j));
      sum += value;
    }
    if (!(std::abs(sum - 1.0) <= 1e-3))
      throw InputError(fmt::format("self-attention: row {} sums to {}; accepted: 1 within 0.001", i, sum));
  }
  std::vector<float> affinity(n * n, 0.0f);
  float most = 0.0f;
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = i + 1; j < n; ++j) {
      affinity[i * n + j] = (self[i * n + j] + self[j * n + i]) * 0.5f;
      most = std::max(most, affinity[i * n + j]);
    }
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = i + 1; j < n; ++j) {
      if (most > 0) affinity[i * n + j] /= most;
      affinity[j * n + i] = affinity[i * n + j];
    }
  return affinity;
}

GraphCut attention_energy(const AttentionMaps& maps, const AttentionCutOptions& o) {
  check_size("cross-attention", maps.cross.size(), maps.height, maps.width);
  const std::int64_t n = maps.height * maps.width;
  check_size("self-attention", maps.self.size(), n, n);
  if (o.colour) check_size("colours", maps.rgb.size(), n, 3);
  check_in_unit_range("cross-attention", maps.cross);
  if (o.colour) check_in_unit_range("colours", maps.rgb);

  constexpr double infinity = std::numeric_limits<double>::infinity();
  std::vector<double> cost0(maps.cross.size()), cost1(maps.cross.size());
  for (std::size_t i = 0; i < cost0.size(); ++i) {
    const double c = maps.cross[i];
    const bool object = o.seed_high && c >= *o.seed_high, background = o.seed_low && c <= *o.seed_low;
    if (object && background)
      throw InputError(fmt::format("attention cut: {} at pixel {} is at least seed_high, {}, and at most seed_low, {}",
                                   c, i, *o.seed_high, *o.seed_low));
    cost0[i] = object ? infinity : -std::log(std::max(1.0 - c, o.eps));
    cost1[i] = background ? infinity : -std::log(std::max(c, o.eps));
  }

  const std::vector<float> affinity = self_affinity(maps.self);
  const auto weight = [&](std::int64_t i, std::int64_t j) {
    double w = o.lambda * affinity[static_cast<std::size_t>(i * n + j)];
    if (!o.colour) return w;
    double squared = 0.0;
    for (std::int64_t k = 0; k < 3; ++k) {
      const double step =
          double{maps.rgb[static_cast<std::size_t>(3 * i + k)]} - double{maps.rgb[static_cast<std::size_t>(3 * j + k)]};
      squared += step * step;
    }
    return w * std::exp(-squared / (2 * o.sigma * o.sigma));
  };
  if (o.neighbourhood == Neighbourhood::all_pairs) {
    std::vector<double> weights(affinity.size(), 0.0);
    for (std::int64_t i = 0; i < n; ++i)
      for (std::int64_t j = i + 1; j < n; ++j) weights[static_cast<std::size_t>(i * n + j)] = weight(i, j);
    return GraphCut::all_pairs(std::move(cost0), std::move(cost1), std::move(weights));
  }
  if (o.neighbourhood == Neighbourhood::eight_neighbours) {
    std::vector<double> weights(static_cast<std::size_t>(4 * n), 0.0);
    constexpr std::array<std::array<std::int64_t, 2>, 4> steps = {{{0, 1}, {1, -1}, {1, 0}, {1, 1}}};  // down, right
    for (std::int64_t d = 0; d < 4; ++d)
      for (std::int64_t i = 0; i < n; ++i) {
        const auto [down, right] = steps[static_cast<std::size_t>(d)];
        const std::int64_t y = i / maps.width + down, x = i % maps.width + right;
        if (y < maps.height && x >= 0 && x < maps.width)
          weights[static_cast<std::size_t>(d * n + i)] = weight(i, y * maps.width + x);
      }
    return GraphCut::grid(maps.height, maps.width, std::move(cost0), std::move(cost1), std::move(weights));
  }
  std::vector<CutEdge> edges;
  for (const auto& [i, j] : nearest_pairs(affinity, n, o.top_k))
    edges.push_back({static_cast<std::int32_t>(i), static_cast<std::int32_t>(j), weight(i, j)});
  return GraphCut(std::move(cost0), std::move(cost1), std::move(edges));
}

AttentionCut attention_cut(const AttentionMaps& maps, const AttentionCutOptions& options) {
  Cut cut = attention_energy(maps, options).minimum();
  const auto ones = std::count(cut.mask.begin(), cut.mask.end(), std::uint8_t{1});
  const double area = static_cast<double>(ones) / static_cast<double>(cut.mask.size());
  return {std::move(cut.mask), cut.energy, area, area_fault(area, options)};
}

std::string area_fault(double area, const AttentionCutOptions& o) {
  if (!o.reject) return "";
  if (area < o.area_least) return fmt::format("area {:.4g} is below area_least {:.4g}", area, o.area_least);
  if (area > o.area_most) return fmt::format("area {:.4g} is above area_most {:.4g}", area, o.area_most);
  return "";
}

std::vector<std::uint8_t> resize_mask(std::span<const std::uint8_t> mask, std::int64_t height, std::int64_t width,
                                      std::int64_t new_height, std::int64_t new_width) {
  check_size("mask", mask.size(), height, width);
  if (new_height < 1 || new_width < 1) throw Error(fmt::format("mask: to {} x {}", new_height, new_width));
  for (std::size_t i = 0; i < mask.size(); ++i)
    if (mask[i] > 1) throw InputError(fmt::format("mask: {} at place {}; accepted: 0 and 1", mask[i], i));
  const std::vector<LinearTaps> down = linear_taps(height, new_height), across = linear_taps(width, new_width);
  const std::int64_t whole_y = 2 * new_height, whole_x = 2 * new_width;
  std::vector<std::uint8_t> out;
  out.reserve(down.size() * across.size());
  for (const LinearTaps& y : down) {
    const std::uint8_t* upper = mask.data() + y.first * static_cast<std::size_t>(width);
    const std::uint8_t* lower = mask.data() + y.next * static_cast<std::size_t>(width);
    for (const LinearTaps& x : across) {
      const auto along = [&](const std::uint8_t* row) {
        return (whole_x - x.second) * row[x.first] + x.second * row[x.next];
      };
      const std::int64_t sum = (whole_y - y.second) * along(upper) + y.second * along(lower);
      out.push_back(2 * sum > whole_x * whole_y ? 1 : 0);
    }
  }
  return out;
}

}  // namespace assay::diffusion_seg
