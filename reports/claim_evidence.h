#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "reports/summary.h"

namespace assay {

/// The anchor of the difference or the scores that a claim was judged by, as its `quantity` says; empty where it says
/// nothing, and where they are not among these rows.
std::string evidence_anchor(const ClaimRow& claim, const std::vector<ComparisonRow>& comparisons,
                            const std::vector<ScoreGroup>& groups);

/// The numbers at which a verdict turns, from `quantity`; none where the claim only reports.
std::vector<double> bounds_of(const ClaimRow& claim);

/// How far the values of the seeds are from deciding. Distances in the unit of the values.
struct SeedsNeeded {
  double distance = 0.0;        // of their mean from the nearest bound
  double half_width = 0.0;      // of the 95 % t interval now
  double standard_error = 0.0;  // of the mean
  /// The smallest number of seeds whose t interval would be narrower than the distance, were mean and standard
  /// deviation to stay; none where the mean lies within one standard error of the bound, since it may then come to lie
  /// on either side.
  std::optional<std::int64_t> seeds;
};

/// At least two values that are not all equal, and at least one bound.
SeedsNeeded seeds_needed(const std::vector<double>& values, const std::vector<double>& bounds);

/// Of a claim that is inconclusive and has bounds and a spread over its seeds; none of any other.
std::optional<SeedsNeeded> seeds_needed(const ClaimRow& claim);

/// What would decide an inconclusive claim, in words; empty of a claim that is not, and where it only reports.
std::string what_would_decide(const ClaimRow& claim);

}  // namespace assay
