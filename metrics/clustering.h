#pragma once
#include <cstdint>
#include <span>

namespace assay {

/// What mutual information is divided by, given the two entropies.
enum class Average { arithmetic, geometric, min, max };

/// Agreement of two labellings of the same items, as scikit-learn 1.9 defines it: labels are any integers, entropies
/// in nats, no labels or a single cluster on both sides count as full agreement (1.0).
/// All throw InputError when the two differ in length.

/// Normalised mutual information, in [0, 1]. Arithmetic is scikit-learn's default since 0.22.
double nmi(std::span<const std::int64_t> truth, std::span<const std::int64_t> predicted,
           Average average = Average::arithmetic);

/// Adjusted mutual information (Vinh, Epps, Bailey, JMLR 2010): 0 expected for random labels of the same sizes, 1 for
/// equal partitions. The expectation is exact over the hypergeometric model.
double ami(std::span<const std::int64_t> truth, std::span<const std::int64_t> predicted,
           Average average = Average::arithmetic);

/// Adjusted Rand index (Hubert & Arabie 1985), in [-0.5, 1]. Counts are exact 128-bit integers.
double ari(std::span<const std::int64_t> truth, std::span<const std::int64_t> predicted);

struct VMeasure {
  double homogeneity;   ///< each cluster holds one class only
  double completeness;  ///< each class lies in one cluster only
  double v_measure;     ///< their harmonic mean, equal to the arithmetic NMI
};
VMeasure v_measure(std::span<const std::int64_t> truth, std::span<const std::int64_t> predicted);

/// Accuracy when every cluster is given its most frequent class (purity): rises with the number of clusters, up to 1
/// for one item each. 1 without labels.
double accuracy_many_to_one(std::span<const std::int64_t> truth, std::span<const std::int64_t> predicted);

/// Accuracy under the best assignment of at most one cluster to each class (Hungarian algorithm on the rectangular
/// table; items of clusters left over count as wrong). 1 without labels.
double accuracy_one_to_one(std::span<const std::int64_t> truth, std::span<const std::int64_t> predicted);

}  // namespace assay
