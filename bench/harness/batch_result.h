#pragma once
#include <vector>

#include "store/rows.h"
#include "store/store.h"

namespace assay {

/// What is recorded of one run.
struct RunResult {
  RunRow run;
  std::vector<ScoreRow> scores;
  std::vector<ArtifactRow> artifacts;
  std::vector<NoteRow> notes;
  std::vector<ClaimRow> claims;  // of its method, judged over all finished runs of the batch
};

/// What is recorded of one batch: what `assay run` prints, as a table or as JSON.
struct BatchResult {
  RowId batch = 0;
  std::vector<RunResult> runs;
  std::vector<ComparisonRow> comparisons;
};

/// Throws Error when the file cannot be read.
BatchResult read_batch(const Store& store, RowId batch);

}  // namespace assay
