#include "metrics/protocols/tables.h"

namespace assay {

std::vector<Protocol> clustering_protocols() {
  return {
      {"sklearn",
       "NMI, AMI, ARI and V-measure of two labellings of the same items, in natural logarithms; accuracies by "
       "assignment.\n"
       "Single-cluster and empty labellings on both sides count as full agreement.",
       "scikit-learn 1.9 (sklearn.metrics.cluster)",
       {{"nmi_average", "arithmetic"},
        {"ami_average", "arithmetic"},
        {"ami_expectation", "exact, hypergeometric"},
        {"ari_counts", "exact integers"},
        {"v_measure_beta", 1.0},
        {"accuracy_one_to_one", "Hungarian on the rectangular table, clusters left over are wrong"},
        {"accuracy_many_to_one", "each cluster takes its most frequent class"}}},
  };
}

}  // namespace assay
