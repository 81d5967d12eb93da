#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "reports/summary.h"

namespace assay {

/// The recorded values that a claim was judged by.
struct ClaimEvidence {
  std::vector<double> values;  // one a seed; empty where the record is not found
  std::string anchor;          // of the row that shows them
};

/// The difference or the score that the claim's threshold names and whose value is the claim's statistic.
ClaimEvidence evidence_of(const ClaimRow& claim, const std::vector<ComparisonRow>& comparisons,
                          const std::vector<ScoreGroup>& groups);

/// The numbers at which a verdict turns, from a threshold in words: "... lies below 0" -> {0}, "... lies within
/// [0.9, 1.1]" -> {0.9, 1.1}; none where the claim only reports.
std::vector<double> bounds_of(const std::string& threshold);

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

/// What would decide an inconclusive claim, in words; empty where it only reports.
std::string what_would_decide(const ClaimRow& claim, const ClaimEvidence& evidence);

}  // namespace assay
