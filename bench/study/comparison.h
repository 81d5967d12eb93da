#pragma once
#include <string>
#include <vector>

#include "store/rows.h"

namespace assay {

/// Differences of arms over the seeds they share, within a data set, an imbalance and a way to draw conditions
/// (`params` of the rows: imbalance, conditions, of).
///
/// Held against each other are: every arm and `none`; every other arm and `label`; `classifier_eds` and `classifier`;
/// `classifier_eds_ect` and `classifier_eds`; and for fd-small of all classes and recall of the tail every arm and
/// every other, so that those that were not told apart can be named. Of single classes recall alone is compared.
///
/// Paired Student t with Holm's adjustment over all comparisons of a data set, a metric, a way to draw conditions and a
/// part of the classes, whatever the imbalance; all single classes are one part. With one seed there is a difference
/// and nothing else. Scores of other runs than `runs` are passed over, and so are values that are not finite.
std::vector<ComparisonRow> compare_study(const std::vector<RunRow>& runs, const std::vector<ScoreRow>& scores);

/// What is claimed of each data set, judged from those rows by the interval over seeds:
///   eds.D          under its longest tail, EDS lowers fd-small of plain classifier guidance
///   self-label.D   under its longest tail, the first K's clusters raise the recall of the tail over people's labels
///   grows.D        that gain grows with ln(imbalance): slope over the imbalances that are numbers, where there are two
/// with conditions of random training images.
std::vector<ClaimRow> claims_of_study(const std::vector<RunRow>& runs, const std::vector<ScoreRow>& scores,
                                      const std::vector<ComparisonRow>& comparisons);

}  // namespace assay
