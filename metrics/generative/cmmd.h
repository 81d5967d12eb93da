#pragma once
#include <cstdint>
#include <vector>

#include "metrics/feature_sets/feature_rows.h"

namespace assay {

struct Cmmd {
  double value = 0;                // never negative but for rounding
  std::vector<double> replicates;  // of the estimate without a row's pair with itself, about a value of their own
};

/// The distance of CMMD (Jayasumana et al., CVPR 2024): 1000 times the biased estimate, diagonals included, of the
/// squared maximum mean discrepancy under exp(-|x - y|^2 / (2 sigma^2)), sigma = 10. Float32 products of centred rows,
/// kernel values and sums in double, of k - 1, whose digits survive: the public programs take means of numbers near 1
/// in float32 and lose all but some 1e-4.
///
/// Replicates resample the generated rows, a row never paired with its own copy, with the reference held fixed. Neither
/// depends on the number of threads. Memory beyond the rows: O(n). Throws InputError as check_pair() does and with
/// fewer than two generated rows or no reference row.
Cmmd cmmd(const FeatureRows& generated, const FeatureRows& reference, std::int64_t replicates = 0,
          std::uint64_t seed = 0);

}  // namespace assay
