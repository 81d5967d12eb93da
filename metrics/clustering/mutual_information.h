#pragma once
#include <cstdint>
#include <vector>

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

/// Terms that tables of as many items share, kept from table to table: resamples of one table have few margins and
/// cells that are not among those of another. Takes at most 1.25 MiB. For one thread at a time.
class SharedTerms {
 public:
  /// For tables of as many items as `table`, and of about as many rows and columns.
  explicit SharedTerms(const Contingency& table);

  /// Of a cell between two margins: E[X log(smaller / X)] over the hypergeometric model, and log(larger / smaller).
  struct Expected {
    std::int64_t larger = 0, smaller = 0;  // 0: nothing is kept here
    double smaller_log = 0.0, log_ratio = 0.0;
  };
  const Expected& expected(std::int64_t larger, std::int64_t smaller);

  /// log(whole / part) for 1 <= part <= whole.
  double log_ratio(std::int64_t whole, std::int64_t part);

 private:
  struct Logarithm {
    std::int64_t whole = 0, part = 0;
    double value = 0.0;
  };

  std::int64_t n_;
  // A power of two of each, every one under its hash, where the last one stays.
  std::vector<Expected> expected_;
  std::vector<Logarithm> logarithms_;
};

/// All 0 without items.
MutualInformation mutual_information(const Contingency& table);
/// The same numbers to the last bit, with what `terms` keeps.
MutualInformation mutual_information(const Contingency& table, SharedTerms& terms);

/// Means of the conditional entropies over all tables with the margins of `table`, in nats: exact over the
/// hypergeometric model (Vinh, Epps, Bailey, JMLR 2010), summed as above.
struct ExpectedEntropies {
  double truth_given_predicted = 0.0, predicted_given_truth = 0.0;
};
ExpectedEntropies expected_entropies(const Contingency& table);
/// The same numbers to the last bit, with what `terms` keeps.
ExpectedEntropies expected_entropies(const Contingency& table, SharedTerms& terms);

}  // namespace assay
