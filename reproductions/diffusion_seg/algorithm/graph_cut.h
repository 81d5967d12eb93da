#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace assay::diffusion_seg {

/// What pixels i and j cost together when their labels differ. i and j are different; weight is finite and at least 0.
struct CutEdge {
  std::int32_t i = 0, j = 0;
  double weight = 0.0;
};

/// A labelling of the pixels, 0 or 1 each, and its energy in the costs' own unit.
struct Cut {
  std::vector<std::uint8_t> mask;
  double energy = 0.0;
};

/// The energy of a labelling x in {0, 1}^n with pairwise costs of differing labels,
///
///   E(x) = sum_i [x_i cost1_i + (1 - x_i) cost0_i] + sum_{i<j} w_ij [x_i != x_j],   w >= 0,
///
/// and its exact minimum by maximum flow: s -> i has capacity cost0_i, i -> t has cost1_i, i <-> j has w_ij, and x_i =
/// 1 where i is on the side of s. Costs of one pixel may be +infinity, which forbids that label.
///
/// Ties: of all minimisers it returns the one with the fewest ones, which is the intersection of all of them: x_i = 1
/// where s still reaches i when the flow is at its maximum.
///
/// Precision: the flow is computed in 64-bit integers, so it is exact and ties are what they are. Costs are first
/// rounded to multiples of a unit, a power of two of at most 2^-58 S, where S = sum |cost0_i - cost1_i| (without
/// infinite ones) + sum w_ij, or 2^-959 where S is next to nothing. Integers whose S is below 2^58 are therefore exact.
/// Otherwise the energy of the cut is above the minimum by at most (n + edges) units: for 1,024 pixels and all pairs
/// 2e-12 S.
class GraphCut {
 public:
  /// A sparse graph. Edges of the same pair add up. Throws Error unless there are as many cost0 as cost1, and
  /// InputError without a pixel, for more than 2^29 of them or of edges, for a cost that is NaN, -infinity or infinite
  /// for both labels, for a pixel in `edges` that does not exist or is joined to itself, and for a weight that is
  /// negative or not finite.
  GraphCut(std::vector<double> cost0, std::vector<double> cost1, std::vector<CutEdge> edges);

  /// All pairs: `weights` is [n, n] row-major, and entry (i, j) with i < j is w_ij; the rest is not read. 8 n^2 bytes
  /// here and again while it is minimised. Throws as above, Error when `weights` has another size, and InputError for
  /// more than 16,384 pixels.
  static GraphCut all_pairs(std::vector<double> cost0, std::vector<double> cost1, std::vector<double> weights);

  /// The pixels of an image with their eight neighbours: `weights` is [4, height, width], each pixel's with the one on
  /// its right, to its lower left, below it and to its lower right; where there is none the entry is not read. Throws
  /// as above, and Error for a side below 1 and where costs or weights have another size.
  static GraphCut grid(std::int64_t height, std::int64_t width, std::vector<double> cost0, std::vector<double> cost1,
                       std::vector<double> weights);

  std::int64_t pixels() const { return static_cast<std::int64_t>(cost0_.size()); }

  /// The minimum, on one thread: the same bits whatever runs beside it. Checks itself: the flow that was found is as
  /// large as the cut, which proves both; throws Error where it is not, and InputError for costs whose sum is beyond
  /// the largest double.
  Cut minimum() const;

  /// E of any labelling, +infinity where it takes a forbidden label. A compensated sum in a fixed order. Throws Error
  /// when `mask` has another size and InputError for a value other than 0 and 1.
  double energy(std::span<const std::uint8_t> mask) const;

 private:
  GraphCut(std::vector<double> cost0, std::vector<double> cost1);

  /// visit(i, j, weight, place) in a fixed order, with the place in edges_ or weights_.
  template <class Visit>
  void each_edge(const Visit& visit) const;

  void check_weights() const;
  double weight_at(std::size_t place) const { return edges_.empty() ? weights_[place] : edges_[place].weight; }

  /// The places of the edges whose ends have different labels.
  std::vector<std::uint32_t> crossing(std::span<const std::uint8_t> mask) const;
  double energy(std::span<const std::uint8_t> mask, std::span<const std::uint32_t> cut_edges) const;

  std::vector<double> cost0_, cost1_;
  std::vector<CutEdge> edges_;           // of a sparse graph
  std::vector<double> weights_;          // of all pairs or of a grid
  std::int64_t height_ = 0, width_ = 0;  // of a grid
};

}  // namespace assay::diffusion_seg
