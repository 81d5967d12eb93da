#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "metrics/feature_sets/feature_set.h"
#include "metrics/statistics/extrapolation.h"

namespace assay {

/// FIDs of 15 subset sizes, evenly from min(5000, n / 2) to n, and their limit for endless samples (Chong & Forsyth
/// 2020).
struct FidInfinity {
  std::vector<std::int64_t> sizes;
  std::vector<double> values;
  InverseFit fit;

  /// The limit, and 0 where the line falls below: a squared distance does not. It falls there by chance where the sets
  /// are close, and always where they share samples, since then the subsets come closer than 1/n says.
  double value() const { return std::max(fit.limit, 0.0); }
};

/// Subset s is a prefix of the permutation of RandomStream(seed, resample, s), the same rows for every set of so many
/// samples. Throws InputError for a set without features or with fewer than 30 samples, and where the widths differ.
FidInfinity fid_infinity(const FeatureSet& reference, const FeatureSet& generated, std::uint64_t seed, double level);

}  // namespace assay
