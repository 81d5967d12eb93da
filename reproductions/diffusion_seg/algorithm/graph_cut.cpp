#include "reproductions/diffusion_seg/algorithm/graph_cut.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
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

/// visit(i, j, weight) for every edge, in a fixed order; one of `edges` and `weights` is empty.
template <class Visit>
void each_edge(std::span<const CutEdge> edges, std::span<const double> weights, std::size_t n, const Visit& visit) {
  for (const CutEdge& e : edges) visit(static_cast<std::size_t>(e.i), static_cast<std::size_t>(e.j), e.weight);
  if (weights.empty()) return;
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = i + 1; j < n; ++j) visit(i, j, weights[i * n + j]);
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
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = i + 1; j < n; ++j)
      check_weight(weights[i * n + j], static_cast<std::int64_t>(i), static_cast<std::int64_t>(j));
  graph.weights_ = std::move(weights);
  return graph;
}

Cut GraphCut::minimum() const {
  const std::size_t n = cost0_.size();
  const auto visit_edges = [&](const auto& visit) { each_edge(edges_, weights_, n, visit); };
  CompensatedSum sum;
  for (std::size_t i = 0; i < n; ++i)
    if (!std::isinf(cost0_[i]) && !std::isinf(cost1_[i])) sum.add(std::abs(cost0_[i] - cost1_[i]));
  visit_edges([&](std::size_t, std::size_t, double weight) { sum.add(weight); });
  const double factor = factor_for(sum.value());

  std::vector<FlowEdge> edges;
  edges.reserve(edges_.size());
  std::vector<std::int64_t> matrix(weights_.size(), 0);
  std::vector<std::int64_t> incident(n, 0);
  visit_edges([&](std::size_t i, std::size_t j, double weight) {
    const std::int64_t capacity = rounded(weight, factor);
    incident[i] += capacity;
    incident[j] += capacity;
    if (!matrix.empty())
      matrix[i * n + j] = matrix[j * n + i] = capacity;
    else if (capacity > 0)
      edges.push_back({static_cast<std::int32_t>(i), static_cast<std::int32_t>(j), capacity});
  });
  std::vector<std::int64_t> terminal(n);
  // More than all edges of a pixel can carry is never cut off: it stands for infinity.
  for (std::size_t i = 0; i < n; ++i)
    terminal[i] = std::isinf(cost0_[i])   ? incident[i] + 1
                  : std::isinf(cost1_[i]) ? -incident[i] - 1
                                          : rounded(cost0_[i] - cost1_[i], factor);

  const MaxFlow flow = matrix.empty() ? sparse_max_flow(terminal, edges) : dense_max_flow(terminal, std::move(matrix));
  const std::vector<std::uint8_t>& x = flow.source_side;

  // No flow is larger than any cut, so that equality proves both to be optimal.
  std::int64_t cut = 0;
  for (std::size_t i = 0; i < n; ++i)
    if ((terminal[i] > 0) != (x[i] == 1)) cut += std::abs(terminal[i]);
  visit_edges([&](std::size_t i, std::size_t j, double weight) {
    if (x[i] != x[j]) cut += rounded(weight, factor);
  });
  if (cut != flow.value)
    throw Error(fmt::format("graph cut: a flow of {} units but a cut of {}: not a minimum", flow.value, cut));
  return {x, energy(x)};
}

double GraphCut::energy(std::span<const std::uint8_t> mask) const {
  const std::size_t n = cost0_.size();
  if (mask.size() != n) throw Error(fmt::format("graph cut: a mask of {} pixels for {}", mask.size(), n));
  CompensatedSum sum;
  bool forbidden = false;
  for (std::size_t i = 0; i < n; ++i) {
    if (mask[i] > 1) throw InputError(fmt::format("graph cut: label {} at pixel {}; accepted: 0 and 1", mask[i], i));
    forbidden = forbidden || std::isinf(mask[i] == 1 ? cost1_[i] : cost0_[i]);
    if (!forbidden) sum.add(mask[i] == 1 ? cost1_[i] : cost0_[i]);
  }
  if (forbidden) return std::numeric_limits<double>::infinity();
  each_edge(edges_, weights_, n, [&](std::size_t i, std::size_t j, double weight) {
    if (mask[i] != mask[j]) sum.add(weight);
  });
  return sum.value();
}

}  // namespace assay::diffusion_seg
