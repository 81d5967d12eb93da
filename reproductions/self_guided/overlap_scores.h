#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "reproductions/method.h"
#include "reproductions/self_guided/algorithm/layout_overlap.h"

namespace assay::self_guided {

/// How the interval of an overlap is made: bootstrap replicates over images.
struct OverlapIntervals {
  std::int64_t replicates;
  std::uint64_t seed;
};

/// Score "layout_miou" of protocol `layout`.
Score overlap_score(const std::string& arm, const LayoutOverlap& overlap, const nlohmann::json& params,
                    const OverlapIntervals& how);
/// a less b, image i of both from the same noise and layout: a paired bootstrap. Score "layout_miou difference".
Score overlap_difference(const std::string& arm_a, const LayoutOverlap& a, const std::string& arm_b,
                         const LayoutOverlap& b, const nlohmann::json& params, const OverlapIntervals& how);

}  // namespace assay::self_guided
