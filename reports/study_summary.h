#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "reports/summary.h"
#include "store/rows.h"

namespace assay {

/// The method that runs of `assay study guidance-imbalance` are recorded as.
inline constexpr const char* guidance_study = "guidance-imbalance";

/// A metric of a part of the classes, by whose means over seeds arms are ranked.
struct StudyColumn {
  std::string metric, of;
  bool lower = false;  // is better
};
/// fd-small of all classes, and recall of the tail.
const std::vector<StudyColumn>& study_columns();

/// How an arm did in a column.
struct StudyValue {
  SeedMean mean;
  std::vector<double> values;  // of each seed
  std::string letters;         // arms that share one were not told apart; empty with one seed
  std::optional<ComparisonRow> to_none, to_label;
};

struct StudyArmRow {
  std::string arm;
  std::vector<std::optional<StudyValue>> columns;  // as study_columns()
};

/// All arms of one data set, one imbalance and one way to draw conditions.
struct StudyTable {
  std::string dataset, imbalance, conditions;
  std::size_t seeds = 0;
  std::vector<StudyArmRow> rows;  // in the order of the arms
};

/// A difference that its seeds leave undecided.
struct UndecidedDifference {
  const ComparisonRow* row = nullptr;
  /// Further seeds until the interval leaves zero out, were mean and deviation to stay, before Holm's adjustment; none
  /// where that cannot be said: one seed, equal differences, or a mean within one standard error of zero.
  std::optional<std::int64_t> more_seeds;
};

/// Of the study's runs alone: scores and comparisons of others are passed over. Real images are no arm.
std::vector<StudyTable> study_tables(const std::vector<RunRow>& runs, const std::vector<ScoreRow>& scores,
                                     const std::vector<ComparisonRow>& comparisons);

/// Of study_columns(), those whose adjusted p-value is 0.05 or more, or that have one seed.
std::vector<UndecidedDifference> undecided_of_study(const std::vector<ComparisonRow>& comparisons);

}  // namespace assay
