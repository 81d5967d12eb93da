#pragma once
#include <cstdint>
#include <vector>

#include "metrics/feature_sets/feature_rows.h"
#include "metrics/generative/frechet.h"
#include "metrics/generative/frechet_bootstrap.h"
#include "metrics/statistics/bootstrap.h"

namespace assay {

/// Fréchet distances of two sets of generated rows to one reference, row i of both from the same noise.
struct FrechetPair {
  double a = 0, b = 0;
  /// Shares of the rows in a - b to first order about both sets pooled: the derivative of the distance there, which is
  /// 2 (m - m_r) x + x (I - T) x with T the optimal map from the pooled Gaussian to the reference, at row i of a less
  /// that at row i of b, over n. The pool does not change when rows are swapped, so a sign-flip test of the shares is
  /// exact; what the first order leaves out costs it power alone.
  std::vector<double> shares;
  /// Replicates that resample the same rows of both. Up to 128 dimensions of the distances themselves; beyond, where a
  /// distance costs seconds, of a - b to first order: then `replicates` is empty and `differences` is not.
  PairedReplicates replicates;
  std::vector<double> differences;
};

/// Throws InputError as frechet() does, and when a and b differ in their number of rows.
FrechetPair frechet_pair(const FeatureRows& a, const FeatureRows& b, const Gaussian& reference, Divisor divisor,
                         std::int64_t replicates, std::uint64_t seed);

}  // namespace assay
