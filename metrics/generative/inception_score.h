#pragma once
#include <cstdint>
#include <vector>

#include "metrics/feature_sets/feature_rows.h"

namespace assay {

/// How an Inception Score splits the images. The defaults are torch-fidelity's.
struct InceptionScoreOptions {
  /// Splits of rows in a random order, at i * n / splits.
  std::int64_t splits = 10;
  std::uint32_t seed = 2020;  // of the order, a permutation of NumPy's RandomState
  /// Above 0: splits of so many rows in the order given instead; what is left counts as a split like the others.
  std::int64_t split_size = 0;
  /// Bootstrap replicates of `mean`; 0 for none.
  std::int64_t replicates = 0;
  std::uint64_t bootstrap_seed = 0;
};

/// exp of the mean divergence of p(class | image) from p(class), over splits (Salimans et al. 2016).
struct InceptionScore {
  double mean = 0;
  double deviation = 0;            // over splits, divisor their number
  std::vector<double> splits;      // the score of each
  std::vector<double> replicates;  // of `mean`; rows are resampled within their split
};

/// From class logits [n, classes], as given: torch-fidelity and the OpenAI evaluator leave out the bias of the last
/// layer. Softmax and sums in double; a probability that underflows counts as zero, where a plain logarithm gives NaN.
/// The bits do not depend on the number of threads. Throws InputError on logits that are not finite (naming row and
/// column), without rows, and with fewer rows than splits.
InceptionScore inception_score(const FeatureRows& logits, const InceptionScoreOptions& options = {});

/// Two sets of logits, row i of both from the same noise.
struct InceptionScorePair {
  InceptionScore a, b;  // their replicates resample the same rows
  /// a.mean - b.mean after each row of a was swapped with that of b by the toss of a coin, once for each of `swaps`
  /// tosses.
  std::vector<double> swapped;
};
/// Throws InputError as inception_score() does, and when a and b differ in rows or classes.
InceptionScorePair inception_score_pair(const FeatureRows& a, const FeatureRows& b,
                                        const InceptionScoreOptions& options, std::int64_t swaps);

}  // namespace assay
