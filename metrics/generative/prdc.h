#pragma once
#include <cstdint>
#include <vector>

#include "metrics/feature_sets/feature_rows.h"
#include "metrics/generative/ball_distances.h"

namespace assay {

/// Balls about the rows of a set that reach to their k-th nearest other row. The defaults are prdc's.
struct PrdcOptions {
  std::int64_t k = 5;
  bool closed = false;  // whether a ball holds its border (`<=`, torch-fidelity and OpenAI) or not (`<`, prdc)
  BallDistance distance = BallDistance::euclidean;
  /// Replicates behind intervals; 0 for none.
  std::int64_t replicates = 0;
  std::uint64_t bootstrap_seed = 0;
};

struct Prdc {
  double precision = 0;  // share of generated rows in some reference ball
  double recall = 0;     // share of reference rows in some generated ball
  double density = 0;    // mean over generated rows of the number of reference balls around it, over k
  double coverage = 0;   // share of reference rows whose ball holds a generated row

  std::vector<std::int32_t> balls;  // of each generated row: reference balls around it

  struct Replicates {
    std::vector<double> precision, recall, density, coverage;
  };
  Replicates replicates;  // each about its value
};

/// Precision and recall (Kynkäänniemi et al. 2019), density and coverage (Naeem et al. 2020).
///
/// Distances are first worked out in float32 on centred features; every comparison that its error bound leaves open is
/// decided in double, so the counts are those of `distance` and do not depend on tiles or threads. Equal distances by
/// smaller index. Memory beyond a copy of the features: O(n k), no n x n matrix.
///
/// Replicates take the reference as fixed. Those of precision and density resample the generated rows. A repeated row
/// would be its own nearest neighbour, so those of recall and coverage take random halves of the generated rows, with
/// the balls of each half, and scale the spread to the whole; they stay empty below 2 (k + 1) generated rows.
///
/// Throws InputError as check_pair() does, unless k >= 1, with fewer than k + 1 rows on a side, and for values too
/// large for float32 products.
Prdc prdc(const FeatureRows& generated, const FeatureRows& reference, const PrdcOptions& options = {});

/// Two sets of generated rows against one reference, row i of both from the same noise.
struct PrdcPair {
  Prdc a, b;  // their replicates take the same rows
  /// What a difference of one score becomes when rows of a and b are swapped by the tosses of a coin; `observed` is
  /// worked out in the same way without swaps. The k-th neighbour is sought among the nearest 6 k + 24 of both sets.
  struct Swaps {
    double observed = 0;
    std::vector<double> swapped;
  };
  Swaps recall, coverage;
};
/// Throws InputError as prdc() does, and when a and b differ in their number of rows.
PrdcPair prdc_pair(const FeatureRows& a, const FeatureRows& b, const FeatureRows& reference, const PrdcOptions& options,
                   std::int64_t swaps);

}  // namespace assay
