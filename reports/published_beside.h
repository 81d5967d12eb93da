#pragma once
#include <optional>
#include <string>
#include <vector>

#include "reports/pages/document.h"
#include "reports/summary.h"
#include "store/rows.h"

namespace assay {

/// A published number, the score of ours beside it, and what the two say. Both must outlive it.
struct Beside {
  const PublishedRow* cell = nullptr;
  const ScoreGroup* ours = nullptr;  // none: not run
  double mean = 0;                   // of ours, in the unit that is printed
  std::optional<ScoreInterval> interval;
  const char* verdict = "not run";  // or "reproduced", "not reproduced", "not comparable"
  Tone tone = Tone::neutral;
  std::string reason;  // for the verdict; may be empty
};

/// The first score that the cell names (`ours`) and that is among the groups, and the verdict on it. Reproduced: its
/// interval meets the printed number as far as its rounding goes, under the published protocol, in the paper tier, at
/// the published number of samples. What cannot be held against the number is not comparable, and `reason` says why.
Beside beside_of(const PublishedRow& cell, const std::vector<ScoreGroup>& groups);

/// The cells of one table, in the order of the file.
struct PublishedTable {
  std::string method, title;
  std::vector<Beside> cells;
};
/// Rows of one table stand together.
std::vector<PublishedTable> published_tables(const std::vector<PublishedRow>& published,
                                             const std::vector<ScoreGroup>& groups);

}  // namespace assay
