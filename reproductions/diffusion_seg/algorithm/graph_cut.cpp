#include "reproductions/diffusion_seg/algorithm/graph_cut.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <utility>

#include "core/compensated_sum.h"
#include "core/error.h"
#include "reproductions/diffusion_seg/algorithm/max_flow.h"

namespace assay::diffusion_seg {
namespace {

constexpr std::size_t most_pixels = std::size_t{1} << 29, most_pixels_of_all_pairs = 16384;
// Doubles to integers: their sum is below 2^kept_bits, with room for what hard seeds add.
constexpr int kept_bits = 59;

void check_weight(double weight, std::int64_t i, std::int64_t j) {
  if (!(weight >= 0.0) || !std::isfinite(weight))
    throw InputError(
        fmt::format("graph cut: weight {} between pixels {} and {}; accepted: finite and at least 0", weight, i, j));
}

/// The factor, a power of two, that turns costs of this sum into integers. A sum of next to nothing counts as 2^-900,
/// so that the factor is a double.
double factor_for(double sum) {
  if (!std::isfinite(sum)) throw InputError("graph cut: the sum of all costs is beyond the largest double");
  int exponent = 0;
  std::frexp(sum, &exponent);  // sum <= 2^exponent
  return std::ldexp(1.0, kept_bits - std::max(exponent, -900));
}

std::int64_t rounded(double cost, double factor) { return static_cast<std::int64_t>(std::rint(cost * factor)); }

/// visit(i, j, place) for each pair of all n pixels, `place` being that of its weight.
template <class Visit>
void each_of_all_pairs(std::size_t n, const Visit& visit) {
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = i + 1; j < n; ++j) visit(i, j, i * n + j);
}

/// visit(i, j, place, count) for each row of pairs of a grid: i and j, i + 1 and j + 1, ..., `count` of them.
template <class Visit>
void each_row_of_grid(std::size_t height, std::size_t width, const Visit& visit) {
  for (std::size_t y = 0; y < height; ++y) visit(y * width, y * width + 1, y * width, width - 1);
  const std::size_t n = height * width;
  for (std::size_t d = 1; d < 4; ++d)
    for (std::size_t y = 0; y + 1 < height; ++y) {
      const std::size_t i = y * width + (d == 1 ? 1 : 0);
      visit(i, i + width + d - 2, d * n + i, width - (d == 2 ? 0 : 1));
    }
}

}  // namespace

GraphCut::GraphCut(std::vector<double> cost0, std::vector<double> cost1)
    : cost0_(std::move(cost0)), cost1_(std::move(cost1)) {
  if (cost0_.size() != cost1_.size())
    throw Error(fmt::format("graph cut: {} costs of label 0, {} of label 1", cost0_.size(), cost1_.size()));
  if (cost0_.empty() || cost0_.size() > most_pixels)
    throw InputError(fmt::format("graph cut: {} pixels; accepted: 1 to {}", cost0_.size(), most_pixels));
  for (std::size_t i = 0; i < cost0_.size(); ++i) {
    for (const double cost : {cost0_[i], cost1_[i]})
      if (!(cost > -std::numeric_limits<double>::infinity()))
        throw InputError(fmt::format("graph cut: cost {} at pixel {}; accepted: finite, or inf", cost, i));
    if (std::isinf(cost0_[i]) && std::isinf(cost1_[i]))
      throw InputError(fmt::format("graph cut: both labels of pixel {} are forbidden (cost inf)", i));
  }
}

GraphCut::GraphCut(std::vector<double> cost0, std::vector<double> cost1, std::vector<CutEdge> edges)
    : GraphCut(std::move(cost0), std::move(cost1)) {
  edges_ = std::move(edges);
  if (edges_.size() > most_pixels)
    throw InputError(fmt::format("graph cut: {} edges; accepted: up to {}", edges_.size(), most_pixels));
  for (const CutEdge& e : edges_) {
    if (e.i < 0 || e.j < 0 || e.i >= pixels() || e.j >= pixels() || e.i == e.j)
      throw InputError(fmt::format("graph cut: an edge of pixels {} and {}; accepted: two different ones of 0 to {}",
                                   e.i, e.j, pixels() - 1));
    check_weight(e.weight, e.i, e.j);
  }
}

GraphCut GraphCut::all_pairs(std::vector<double> cost0, std::vector<double> cost1, std::vector<double> weights) {
  GraphCut graph(std::move(cost0), std::move(cost1));
  const std::size_t n = graph.cost0_.size();
  if (n > most_pixels_of_all_pairs)
    throw InputError(fmt::format("graph cut: all pairs of {} pixels; accepted: up to {}", n, most_pixels_of_all_pairs));
  if (weights.size() != n * n)
    throw Error(fmt::format("graph cut: {} weights for all pairs of {} pixels", weights.size(), n));
  graph.weights_ = std::move(weights);
  graph.check_weights();
  return graph;
}

GraphCut GraphCut::grid(std::int64_t height, std::int64_t width, std::vector<double> cost0, std::vector<double> cost1,
                        std::vector<double> weights) {
  GraphCut graph(std::move(cost0), std::move(cost1));
  const std::int64_t n = graph.pixels();
  if (height < 1 || width < 1 || n % height != 0 || n / height != width || weights.size() / 4 != graph.cost0_.size() ||
      weights.size() % 4 != 0)
    throw Error(
        fmt::format("graph cut: {} pixels and {} weights of a grid of {} x {}", n, weights.size(), height, width));
  graph.weights_ = std::move(weights);
  graph.height_ = height;
  graph.width_ = width;
  for (std::int64_t d = 0; d < 4; ++d) {
    double* plane = graph.weights_.data() + d * n;
    if (d > 0) std::fill_n(plane + n - width, width, 0.0);
    if (d != 2)
      for (std::int64_t y = 0; y < height; ++y) plane[y * width + (d == 1 ? 0 : width - 1)] = 0.0;
  }
  graph.check_weights();
  return graph;
}

template <class Visit>
void GraphCut::each_edge(const Visit& visit) const {
  if (height_ > 0)
    each_row_of_grid(static_cast<std::size_t>(height_), static_cast<std::size_t>(width_),
                     [&](std::size_t i, std::size_t j, std::size_t place, std::size_t count) {
                       for (std::size_t k = 0; k < count; ++k) visit(i + k, j + k, weights_[place + k], place + k);
                     });
  else if (!weights_.empty())
    each_of_all_pairs(cost0_.size(),
                      [&](std::size_t i, std::size_t j, std::size_t place) { visit(i, j, weights_[place], place); });
  else
    for (std::size_t m = 0; m < edges_.size(); ++m)
      visit(static_cast<std::size_t>(edges_[m].i), static_cast<std::size_t>(edges_[m].j), edges_[m].weight, m);
}

void GraphCut::check_weights() const {
  std::int64_t faults = 0;
  each_edge([&](std::size_t, std::size_t, double weight, std::size_t) {
    faults += weight >= 0.0 && weight <= std::numeric_limits<double>::max() ? 0 : 1;
  });
  if (faults == 0) return;
  each_edge([](std::size_t i, std::size_t j, double weight, std::size_t) {
    check_weight(weight, static_cast<std::int64_t>(i), static_cast<std::int64_t>(j));
  });
}

std::vector<std::uint32_t> GraphCut::crossing(std::span<const std::uint8_t> mask) const {
  const std::size_t n = cost0_.size(), most = height_ > 0 ? 4 * n : weights_.empty() ? edges_.size() : n * (n - 1) / 2;
  const auto places = std::make_unique_for_overwrite<std::uint32_t[]>(most + 1);
  std::size_t found = 0;
  // Each edge is written down and, most often, over: where labels change at random, so many branches would be guessed
  // wrong that they took longer than the flow.
  const auto look = [&](std::size_t i, std::size_t j, std::size_t place) {
    places[found] = static_cast<std::uint32_t>(place);
    found += mask[i] != mask[j] ? 1 : 0;
  };
  if (height_ > 0)
    each_row_of_grid(static_cast<std::size_t>(height_), static_cast<std::size_t>(width_),
                     [&](std::size_t i, std::size_t j, std::size_t place, std::size_t count) {
                       constexpr std::size_t together = 8;
                       for (std::size_t k = 0; k < count; k += together) {
                         const std::size_t end = std::min(k + together, count);
                         if (end == k + together && std::memcmp(&mask[i + k], &mask[j + k], together) == 0) continue;
                         for (std::size_t m = k; m < end; ++m) look(i + m, j + m, place + m);
                       }
                     });
  else
    each_edge([&](std::size_t i, std::size_t j, double, std::size_t place) { look(i, j, place); });
  return {places.get(), places.get() + found};
}

Cut GraphCut::minimum() const {
  const std::size_t n = cost0_.size();
  const bool all_pairs = height_ == 0 && !weights_.empty();
  bool seeds = false;
  CompensatedSum sum;
  for (std::size_t i = 0; i < n; ++i) {
    if (std::isinf(cost0_[i]) || std::isinf(cost1_[i]))
      seeds = true;
    else
      sum.add(std::abs(cost0_[i] - cost1_[i]));
  }
  if (height_ > 0) {
    // In several parts, which are quicker: no more than the exponent of the sum counts.
    std::array<double, 4> parts{};
    for (std::size_t place = 0; place < weights_.size(); place += parts.size())
      for (std::size_t k = 0; k < parts.size(); ++k) parts[k] += weights_[place + k];
    for (const double part : parts) sum.add(part);
  } else {
    each_edge([&](std::size_t, std::size_t, double weight, std::size_t) { sum.add(weight); });
  }
  const double factor = factor_for(sum.value());

  std::vector<FlowEdge> edges;
  edges.reserve(edges_.size());
  std::vector<std::int64_t> capacities;
  capacities.reserve(weights_.size() * (height_ > 0 ? 2 : 1));  // with what grid_max_flow adds
  capacities.resize(weights_.size(), 0);
  if (height_ > 0)
    for (std::size_t place = 0; place < weights_.size(); ++place) capacities[place] = rounded(weights_[place], factor);
  else
    each_edge([&](std::size_t i, std::size_t j, double weight, std::size_t) {
      const std::int64_t capacity = rounded(weight, factor);
      if (all_pairs)
        capacities[i * n + j] = capacities[j * n + i] = capacity;
      else if (capacity > 0)
        edges.push_back({static_cast<std::int32_t>(i), static_cast<std::int32_t>(j), capacity});
    });
  // More than all edges of a pixel can carry is never cut off: it stands for infinity.
  std::vector<std::int64_t> infinite(seeds ? n : 0, 1);
  if (seeds)
    each_edge([&](std::size_t i, std::size_t j, double weight, std::size_t) {
      infinite[i] += rounded(weight, factor);
      infinite[j] += rounded(weight, factor);
    });
  std::vector<std::int64_t> terminal(n);
  for (std::size_t i = 0; i < n; ++i)
    terminal[i] = std::isinf(cost0_[i])   ? infinite[i]
                  : std::isinf(cost1_[i]) ? -infinite[i]
                                          : rounded(cost0_[i] - cost1_[i], factor);

  const MaxFlow flow = all_pairs     ? dense_max_flow(terminal, std::move(capacities))
                       : height_ > 0 ? grid_max_flow(height_, width_, terminal, std::move(capacities))
                                     : sparse_max_flow(terminal, edges);
  const std::vector<std::uint8_t>& x = flow.source_side;

  // No flow is larger than any cut, so that equality proves both to be optimal.
  const std::vector<std::uint32_t> cut_edges = crossing(x);
  std::int64_t cut = 0;
  for (std::size_t i = 0; i < n; ++i) cut += (terminal[i] > 0) != (x[i] == 1) ? std::abs(terminal[i]) : 0;
  for (const std::uint32_t place : cut_edges) cut += rounded(weight_at(place), factor);
  if (cut != flow.value)
    throw Error(fmt::format("graph cut: a flow of {} units but a cut of {}: not a minimum", flow.value, cut));
  return {x, energy(x, cut_edges)};
}

double GraphCut::energy(std::span<const std::uint8_t> mask) const {
  const std::size_t n = cost0_.size();
  if (mask.size() != n) throw Error(fmt::format("graph cut: a mask of {} pixels for {}", mask.size(), n));
  for (std::size_t i = 0; i < n; ++i)
    if (mask[i] > 1) throw InputError(fmt::format("graph cut: label {} at pixel {}; accepted: 0 and 1", mask[i], i));
  return energy(mask, crossing(mask));
}

double GraphCut::energy(std::span<const std::uint8_t> mask, std::span<const std::uint32_t> cut_edges) const {
  CompensatedSum sum;
  for (std::size_t i = 0; i < mask.size(); ++i) {
    const double cost = (mask[i] == 1 ? cost1_ : cost0_)[i];
    if (std::isinf(cost)) return cost;
    sum.add(cost);
  }
  for (const std::uint32_t place : cut_edges) sum.add(weight_at(place));
  return sum.value();
}

}  // namespace assay::diffusion_seg
