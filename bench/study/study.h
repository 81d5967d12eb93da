#pragma once
#include <optional>
#include <string>
#include <vector>

#include "bench/study/plan.h"
#include "store/rows.h"

namespace assay {

/// Whether the study's question can be asked of a data set: does the tail lose something at this budget?
struct StudyProbe {
  std::string dataset, imbalance;
  std::int64_t seed = 0;
  RowId run = 0;
  double tail_recall = 0, head_recall = 0;  // of `none`
  double below = 0;                         // what the former must be below

  bool can_be_asked() const { return tail_recall < below; }
};

struct StudyCellState {
  StudyCell cell;
  RowId run = 0;  // 0: none yet
  bool done = false;
};

/// What is recorded of a study: by this command, by earlier ones, and by other machines whose stores were merged.
struct StudyOutcome {
  StudyPlan plan;
  StudyShard shard;
  RowId batch = 0;  // in which comparisons and claims are recorded
  std::vector<StudyProbe> probes;
  std::vector<StudyCellState> cells;  // of the whole study
  nlohmann::json budget;              // what each guided arm spent, equal in all
  std::vector<RunRow> runs;           // done
  std::vector<ScoreRow> scores;       // theirs
  std::vector<ComparisonRow> comparisons;
  std::vector<ClaimRow> claims;
};

/// Runs the cells of the request's shard that are not recorded yet, then compares all cells of the study that are. A
/// cell is recorded as a whole; a command that was stopped goes on at the first missing cell when it is given again, to
/// the same bits. First the probe of each data set: where the tail loses nothing, its cells are not run.
///
/// Throws InputError before anything is recorded for bad requests, unequal budgets, a missing data set, and more
/// clusters than training images; Interrupted where the user stopped it.
StudyOutcome run_study(const StudyRequest& request);

/// What a study would cost on this machine.
struct StudyCost {
  double unit_seconds = 0;  // of one thread, for the arms of the largest block and one seed
  double seconds = 0;       // of one thread, for every unit of the shard
  std::string how;
};

/// The plan of a request, checked as run_study() does, and its cost; times two networks for about a second.
struct StudyEstimate {
  StudyPlan plan;
  StudyCost cost;
};
StudyEstimate estimate_study(const StudyRequest& request);

}  // namespace assay
