#pragma once
#include <cstddef>
#include <vector>

#include "core/score_interval.h"

namespace assay {

/// What something costs, of which less is better, and how good it is.
struct CostAndValue {
  double cost = 0.0;
  double value = 0.0;
};

/// The points that no other point beats: none costs at most as much and is at least as good, one of the two strictly.
/// Points that are equal in both are on the front together. In the order of the points. All numbers must be finite, and
/// one way better than the other: throws Error where that is unstated.
std::vector<std::size_t> pareto_front(const std::vector<CostAndValue>& points, Better better);

}  // namespace assay
