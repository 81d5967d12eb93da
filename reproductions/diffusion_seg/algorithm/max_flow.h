#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace assay::diffusion_seg {

// Maximum flow between two terminals s and t over n pixels, in integers. `terminal` holds for each pixel the capacity
// from s where it is positive and, negated, that to t where it is negative; a pixel with both has its smaller one
// subtracted from each, which carries flow of no consequence. The sum of all capacities must stay below 2^61.

struct MaxFlow {
  std::int64_t value = 0;
  std::vector<std::uint8_t> source_side;  // 1 where s reaches the pixel in the residual graph: the smallest minimum cut
};

/// A capacity in both directions.
struct FlowEdge {
  std::int32_t i = 0, j = 0;
  std::int64_t capacity = 0;
};

/// For few edges a pixel: the two search trees of Boykov and Kolmogorov (PAMI 2004). Edges of the same pair add up.
MaxFlow sparse_max_flow(const std::vector<std::int64_t>& terminal, std::span<const FlowEdge> edges);

/// For the pixels of an image and their eight neighbours: surpluses pushed down breadth-first layers (Dinic, 1970), 64
/// pixels a step of the search. `capacity` is [4, height, width], in both directions between a pixel and its neighbour
/// on the right, to the lower left, below and to the lower right, 0 where there is none. It is used up, and grows to
/// twice its size.
MaxFlow grid_max_flow(std::int64_t height, std::int64_t width, const std::vector<std::int64_t>& terminal,
                      std::vector<std::int64_t> capacity);

/// For all pairs: push-relabel (Goldberg and Tarjan, 1988), highest label first. A minimum cut saturates every edge
/// that crosses it, up to n^2 / 4 of them: one push each here, where a method of augmenting paths needs a path each.
/// `capacity` is [n, n], symmetric, and is used up.
MaxFlow dense_max_flow(const std::vector<std::int64_t>& terminal, std::vector<std::int64_t> capacity);

}  // namespace assay::diffusion_seg
