#include "reports/pareto.h"

#include <algorithm>

#include "core/error.h"

namespace assay {

std::vector<std::size_t> pareto_front(const std::vector<CostAndValue>& points, Better better) {
  if (better == Better::unstated) throw Error("pareto_front: neither way is better");
  const auto badness = [&](const CostAndValue& point) { return better == Better::lower ? point.value : -point.value; };
  const auto beats = [&](const CostAndValue& a, const CostAndValue& b) {
    return a.cost <= b.cost && badness(a) <= badness(b) && (a.cost < b.cost || badness(a) < badness(b));
  };
  std::vector<std::size_t> front;
  for (std::size_t i = 0; i < points.size(); ++i)
    if (std::none_of(points.begin(), points.end(), [&](const CostAndValue& other) { return beats(other, points[i]); }))
      front.push_back(i);
  return front;
}

}  // namespace assay
