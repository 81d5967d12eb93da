#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "store/rows.h"
#include "store/stage_recorder.h"
#include "store/store.h"

namespace assay {

/// Writes to a store. Every function is one transaction; all throw Error when the file cannot be written.
class Recorder {
 public:
  /// The store must be writable (else Error) and outlive the recorder.
  explicit Recorder(Store& store);

  RowId begin_batch(const BatchRow& batch);

  /// Records a run with status "running".
  RowId begin_run(const RunRow& run);
  /// The batch and all its runs, or nothing: a kill never leaves a batch with fewer runs than were asked for. Sets
  /// `batch` and `id` of every run.
  RowId begin_batch_with_runs(const BatchRow& batch, std::vector<RunRow>& runs);
  /// Sets an unfinished run to "running" again and notes it. Throws InputError when there is no such run, or when it
  /// is already done.
  RunRow resume_run(RowId run);
  /// Says that the work on a run starts now, unless a stage of it is done: the runs of a batch are recorded together,
  /// and some wait for others.
  void start_run(RowId run);
  /// `reason` says why a run failed or was interrupted. `status` is not `running`.
  void finish_run(RowId run, RunStatus status, const std::string& reason = "");

  bool stage_done(RowId run, const std::string& stage) const;
  /// What `commit` was given. Throws Error when the stage is not done.
  nlohmann::json stage_result(RowId run, const std::string& stage) const;
  /// `position` orders the run's rows; by default the stage stands after those that are done when it is. Throws Error
  /// when the stage is done already. The recorder must outlive the stage.
  StageRecorder begin_stage(RowId run, const std::string& stage, std::optional<std::int64_t> position = std::nullopt);

  /// Adds the protocol, or finds the row with the same name and choices (and updates its words). Scores that name it
  /// from now on refer to this row.
  RowId upsert_protocol(const ProtocolRow& protocol);

  /// All or none. A comparison of the same batch, method, dataset, metric, protocol, arms and their params is replaced.
  void add_comparisons(const std::vector<ComparisonRow>& comparisons);
  /// All or none. A claim of the same batch, name and method is replaced.
  void add_claims(const std::vector<ClaimRow>& claims);
  /// All or none. A cell of the same batch, method, title, label and metric is replaced. Throws Error for a number
  /// without trust tag.
  void add_published(const std::vector<PublishedRow>& cells);
  /// Timings outside a run, as of kernels. All or none.
  void add_timings(const std::vector<TimingRow>& timings);
  /// Batches that exist, under one name, which is not empty: all or none. A batch that has the name already is accepted
  /// anew, so that it is the last one.
  void accept_baselines(const std::vector<BaselineRow>& baselines);
  /// A note of a run, or of the whole batch when `run` is 0.
  void add_note(RowId batch, RowId run, const std::string& text);

 private:
  friend class StageRecorder;
  RowId protocol_of(const std::string& name) const;
  RowId insert_run(const RunRow& run);
  /// Checks all rows, then writes each, all or none.
  template <class Row, class Write>
  void write_all(const std::vector<Row>& all, Write write);

  Store& store_;
  std::map<std::string, RowId> protocols_;
};

/// Now, as the store writes it: "2026-11-22T12:50:03.123Z".
std::string utc_now();

}  // namespace assay
