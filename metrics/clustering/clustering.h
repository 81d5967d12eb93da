#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "metrics/clustering/contingency.h"
#include "metrics/clustering/mutual_information.h"

namespace assay {

/// What mutual information is divided by, given the two entropies.
enum class Average { arithmetic, geometric, min, max };

/// Agreement of two labellings of the same items, as scikit-learn 1.9 defines it: labels are any integers, entropies
/// in nats, no labels or a single cluster on both sides count as full agreement (1.0).
/// All throw InputError when the two differ in length.

/// The forms that take a table share its one pass over the labels; those that take what mutual_information() of the
/// table found share its logarithms as well. All of these are right to 1e-14 for 10 million items, and none leaves its
/// range.

/// Normalised mutual information, in [0, 1]. Arithmetic is scikit-learn's default since 0.22.
double nmi(const MutualInformation& found, Average average = Average::arithmetic);
double nmi(const Contingency& table, Average average = Average::arithmetic);
double nmi(std::span<const std::int64_t> truth, std::span<const std::int64_t> predicted,
           Average average = Average::arithmetic);

/// Adjusted mutual information (Vinh, Epps, Bailey, JMLR 2010): 0 expected for random labels of the same sizes, 1 for
/// equal partitions. The expectation is exact over the hypergeometric model.
double ami(const Contingency& table, const MutualInformation& found, Average average = Average::arithmetic);
double ami(const Contingency& table, const MutualInformation& found, SharedTerms& terms);
double ami(const Contingency& table, Average average = Average::arithmetic);
double ami(std::span<const std::int64_t> truth, std::span<const std::int64_t> predicted,
           Average average = Average::arithmetic);

/// About how many terms the expectation of ami() sums: its time is proportional to it.
double ami_terms(const Contingency& table);

/// Adjusted Rand index (Hubert & Arabie 1985), in [-0.5, 1]. Counts are exact 128-bit integers.
double ari(const Contingency& table);
double ari(std::span<const std::int64_t> truth, std::span<const std::int64_t> predicted);

struct VMeasure {
  double homogeneity;   // each cluster holds one class only
  double completeness;  // each class lies in one cluster only
  double v_measure;     // their harmonic mean, equal to the arithmetic NMI
};
VMeasure v_measure(const MutualInformation& found);
VMeasure v_measure(const Contingency& table);
VMeasure v_measure(std::span<const std::int64_t> truth, std::span<const std::int64_t> predicted);

/// Accuracy when every cluster is given its most frequent class (purity): rises with the number of clusters, up to 1
/// for one item each. 1 without labels.
double accuracy_many_to_one(const Contingency& table);
double accuracy_many_to_one(std::span<const std::int64_t> truth, std::span<const std::int64_t> predicted);

/// Accuracy under the best assignment of at most one cluster to each class (Hungarian algorithm on the rectangular
/// table; items of clusters left over count as wrong). 1 without labels. Parts of the table that share no class and no
/// cluster are solved on their own; NaN where one of them has more than 2^27 entries.
double accuracy_one_to_one(const Contingency& table);
double accuracy_one_to_one(std::span<const std::int64_t> truth, std::span<const std::int64_t> predicted);

/// About how many steps accuracy_one_to_one() takes.
double assignment_steps(const Contingency& table);

/// A class and the cluster that holds most of it (the one with the smallest label among equals).
struct ClassMatch {
  std::int64_t label, n;
  std::int64_t cluster;  // its label
  double share;          // of the class that lies in the cluster
  double purity;         // share of the cluster that is of the class
};
/// One for each class, ascending by label.
std::vector<ClassMatch> class_matches(const Contingency& table);

}  // namespace assay
