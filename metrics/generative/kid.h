#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "metrics/feature_sets/feature_rows.h"
#include "metrics/generative/kernel_sums.h"

namespace assay {

constexpr std::int64_t kid_resampled_rows = 5000;

/// How a kernel distance draws its subsets. The defaults are torch-fidelity's.
struct KidOptions {
  std::int64_t subsets = 100;
  std::int64_t subset_size = 1000;
  std::uint32_t seed = 2020;     // of NumPy's RandomState
  bool reference_first = false;  // whether the reference rows of each subset are drawn before the generated ones
  /// Bootstrap replicates of `mean`; 0 for none.
  std::int64_t replicates = 0;
  std::uint64_t bootstrap_seed = 0;
};

/// Kernel (Inception) distance: the unbiased estimate of the squared maximum mean discrepancy under (x.y / d + 1)^3,
/// over random subsets.
struct Kid {
  double mean = 0;                 // over subsets; may be slightly negative
  double deviation = 0;            // over subsets, divisor n. Not a standard error: subsets overlap
  std::vector<double> subsets;     // the estimate of each
  std::vector<double> replicates;  // of `mean`, about `mean`
  /// "one kernel matrix", shared by all subsets, or "a kernel matrix a subset", whichever needs less arithmetic.
  std::string route;
};

/// As torch-fidelity's kernel_inception_distance with the generated set as its first input: of each subset the
/// generated rows are drawn first. Products in float32, sums in double.
///
/// Replicates resample the generated rows (the reference is held fixed) in the estimate over all pairs, leaving out
/// pairs of a row with its own copy, and add the spread that comes from averaging so many subsets. Where the route is
/// "a kernel matrix a subset" they come from a seeded choice of at most `kid_resampled_rows` rows a side, their spread
/// scaled by the square root of the share.
///
/// The bits do not depend on the number of threads. Memory beyond the features: O(n), no n x n matrix.
/// Throws InputError as check_pair() does, when a side has fewer rows than a subset, and unless subsets >= 1 and
/// subset_size >= 2, and for features so large that products overflow.
Kid kid(const FeatureRows& generated, const FeatureRows& reference, const KidOptions& options = {});

/// Each of n rows once, in `exact`, and as often as each replicate draws it.
RowWeights row_resamples(std::int64_t n, std::int64_t replicates, std::uint64_t seed);

/// The estimate over all pairs, up to a constant, of each replicate: kernel values of the drawn rows among themselves,
/// a row never paired with its own copy, less twice those with the m reference rows, whose sums `across` holds.
std::vector<double> resampled_estimates(const RowWeights& resamples, const KernelSums& within, const KernelSums& across,
                                        std::int64_t m);

/// Two sets of generated rows against one reference, row i of both from the same noise.
struct KidPair {
  Kid a, b;  // their replicates resample the same rows
  /// Shares of the rows in the difference a - b of the estimates over all pairs. Swapping rows i of a and b turns
  /// the sign of share i and changes no other, so the swap test is a sign-flip test of these. Of the rows that are
  /// resampled.
  std::vector<double> shares;
  /// Sums of shares that lie no farther apart may differ by the rounding of float32 products alone.
  double rounding = 0;
};
/// Throws InputError as kid() does, and when a and b differ in their number of rows.
KidPair kid_pair(const FeatureRows& a, const FeatureRows& b, const FeatureRows& reference, const KidOptions& options);

}  // namespace assay
