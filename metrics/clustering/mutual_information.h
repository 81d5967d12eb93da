#pragma once
#include "metrics/clustering/contingency.h"

namespace assay {

/// What the items of a table say of their truth and their prediction, in nats.
///
/// Each number is a compensated sum of terms that are not negative and are right to a few units in the last place
/// themselves. So it has a relative error below 2e-15 whatever the number of items and however the terms cancel in the
/// textbook formulas, and is 0 exactly where it should be: `shared` of independent labels, the conditional entropy of
/// labels that the others decide.
struct MutualInformation {
  double truth = 0.0, predicted = 0.0;  // entropies
  double shared = 0.0;                  // mutual information
  double truth_given_predicted = 0.0;   // conditional entropies
  double predicted_given_truth = 0.0;
};

/// All 0 without items.
MutualInformation mutual_information(const Contingency& table);

/// Means of the conditional entropies over all tables with the margins of `table`, in nats: exact over the
/// hypergeometric model (Vinh, Epps, Bailey, JMLR 2010), summed as above.
struct ExpectedEntropies {
  double truth_given_predicted = 0.0, predicted_given_truth = 0.0;
};
ExpectedEntropies expected_entropies(const Contingency& table);

}  // namespace assay
