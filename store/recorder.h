#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "store/rows.h"
#include "store/store.h"

namespace assay {

class Recorder;

/// What one stage of a run records. Everything is kept in memory until `commit`, which writes it in one transaction;
/// without `commit` nothing is written. So a stage may take hours without locking the file.
/// Every add_... throws Error at once when a number is not finite, a low is above its high, or a name is missing.
class StageRecorder {
 public:
  /// `samples`: the raw values behind the score, `sample_kind` what one of them is ("image", "bootstrap", ...).
  /// The protocol named by the score must have been given to Recorder::upsert_protocol.
  void add_score(ScoreRow score, std::vector<double> samples = {}, std::string sample_kind = "image");
  void add_timing(TimingRow timing, std::vector<double> samples = {}, std::string sample_kind = "repetition");
  /// Values of the stage itself along its steps, as a loss: as many steps as values.
  void add_curve(std::string name, const std::vector<std::int64_t>& steps, std::vector<double> values);
  /// The path is relative to the store's folder and stays inside it. With an empty hash, hash and size are read from
  /// the file, which must then exist.
  void add_artifact(ArtifactRow artifact);
  void add_note(std::string text);

  /// Writes the stage with its duration since begin_stage. `result` is what a resumed run needs to go on without
  /// it. Call once, last. Throws Error when the file cannot be written; then nothing of the stage was.
  void commit(nlohmann::json result = nlohmann::json::object());

  RowId run() const { return run_; }
  const std::string& name() const { return name_; }

 private:
  friend class Recorder;
  StageRecorder(Recorder& recorder, RowId run, std::string name, std::optional<std::int64_t> position);

  struct Series {
    std::string kind;
    std::vector<double> values;
  };
  template <class Row>
  struct WithSamples {
    Row row;
    Series samples;
  };

  Recorder* recorder_;
  RowId run_;
  std::string name_;
  std::optional<std::int64_t> position_;
  std::chrono::steady_clock::time_point start_;
  bool committed_ = false;
  std::vector<WithSamples<ScoreRow>> scores_;
  std::vector<WithSamples<TimingRow>> timings_;
  std::vector<Series> series_;
  std::vector<ArtifactRow> artifacts_;
  std::vector<std::string> notes_;
};

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
  /// A note of a run, or of the whole batch when `run` is 0.
  void add_note(RowId batch, RowId run, const std::string& text);

 private:
  friend class StageRecorder;
  RowId protocol_of(const std::string& name) const;
  RowId insert_batch(const BatchRow& batch);
  RowId insert_run(const RunRow& run);

  Store& store_;
  std::map<std::string, RowId> protocols_;
};

/// Now, as the store writes it: "2026-11-22T12:50:03.123Z".
std::string utc_now();

}  // namespace assay
