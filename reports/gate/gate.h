#pragma once
#include <optional>
#include <string>
#include <vector>

#include "reports/gate/environment.h"
#include "reports/gate/judgement.h"
#include "reports/gate/series.h"
#include "store/query.h"

namespace assay {

struct GateRequest {
  std::vector<RowId> batches;           // judged together; none: the newest one with finished runs or timings
  std::optional<std::string> baseline;  // a name, or the number of a batch; none: of each series the last accepted one
  GateLimits limits;
  bool strict = false;  // failed runs, and what the baseline has and the batch lacks, count as regressed
};

/// A batch in words.
struct GateBatch {
  RowId id = 0;
  std::string created_at;
  std::string command;
  std::string name;  // of the baseline; empty for a batch that is judged, and for a baseline given by number
};

struct JudgedSeries {
  GateSeries series;
  Judgement judgement;
  RowId baseline = 0, batch = 0;
  /// For each step of the judgement, what differs between the batches on its sides.
  std::vector<std::vector<EnvironmentChange>> step_changes;
};

/// A series that one side has alone, or that nothing can be said of.
struct NotCompared {
  std::string label;
  std::string why;
};

struct FailedRun {
  RowId run = 0;
  std::string what;  // "self_guided mini emoji, seed 3"
  std::string status, reason;
};

struct GateResult {
  std::vector<GateBatch> batches;
  std::vector<GateBatch> baselines;            // those that something was compared with; none: there is no baseline
  std::vector<EnvironmentChange> environment;  // between the two
  std::vector<JudgedSeries> judged;            // regressed first, then improved, undecided, unchanged
  std::vector<NotCompared> missing;            // in a baseline, not in the batches
  std::vector<NotCompared> fresh;              // in the batches, in no baseline
  std::vector<NotCompared> without_direction;  // scores of which neither way is better
  std::vector<FailedRun> failed;               // unfinished runs of the batches
  std::vector<std::string> notes;
  GateLimits limits;
  bool strict = false;

  /// Series whose batch is its own baseline: such a comparison can show no change.
  std::size_t compared_with_itself() const;
  std::size_t count(Finding finding) const;
  bool regressed() const;
};

/// Compares batches with their baseline (judgement.h). Each series is compared with the last accepted batch that has
/// it, or with the one that `baseline` names. Throws InputError for an unknown batch or baseline, and for a store
/// without finished runs or timings.
GateResult run_gate(const Store& store, const GateRequest& request);

/// The batches of a request that names none: the newest one that has finished runs or timings. Throws InputError where
/// there is none.
RowId newest_batch(const Store& store);

}  // namespace assay
