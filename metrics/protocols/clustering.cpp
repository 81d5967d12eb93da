#include "metrics/protocols/tables.h"

namespace assay {

std::vector<Protocol> clustering_protocols() {
  return {
      {"sklearn",
       "NMI, AMI, ARI and V-measure of two labellings of the same items, in natural logarithms.\n"
       "Single-cluster and empty labellings on both sides count as full agreement.",
       "scikit-learn 1.9 (sklearn.metrics.cluster)",
       {{"nmi_average", "arithmetic"},
        {"ami_average", "arithmetic"},
        {"ami_expectation", "exact, hypergeometric"},
        {"ari_counts", "exact integers"},
        {"v_measure_beta", 1.0}}},
  };
}

}  // namespace assay
