#pragma once
#include <optional>
#include <string>
#include <vector>

#include "store/rows.h"
#include "store/store.h"

namespace assay {

/// Which runs: every field that is set must match.
struct RunFilter {
  std::optional<RowId> batch;
  std::optional<RowId> run;
  std::optional<std::string> method;
  std::optional<std::string> tier;
  std::optional<std::string> dataset;
  std::optional<RunStatus> status;
};

/// Reads a store. Rows come in the order in which they were written; scores, timings and artifacts of runs by run and
/// by the position of their stage. All functions throw Error when the file cannot be read.
class Query {
 public:
  /// The store must outlive the query.
  explicit Query(const Store& store) : store_(store) {}

  std::vector<BatchRow> batches() const;
  /// The newest batch that has a run, if any.
  std::optional<BatchRow> latest_batch() const;
  /// Throws InputError when there is no such batch, naming the ones there are.
  BatchRow batch(RowId id) const;

  std::vector<RunRow> runs(const RunFilter& filter = {}) const;
  /// Throws InputError when there is no such run.
  RunRow run(RowId id) const;

  /// Of the runs that pass the filter.
  std::vector<StageRow> stages(const RunFilter& filter = {}) const;
  std::vector<ScoreRow> scores(const RunFilter& filter = {}) const;
  std::vector<ArtifactRow> artifacts(const RunFilter& filter = {}) const;
  /// Timings recorded inside runs that pass the filter.
  std::vector<TimingRow> timings(const RunFilter& filter = {}) const;
  /// Timings outside any run; of one batch, or of all.
  std::vector<TimingRow> loose_timings(std::optional<RowId> batch = std::nullopt) const;
  /// Notes of the runs that pass the filter.
  std::vector<NoteRow> notes(const RunFilter& filter = {}) const;
  /// Notes of batches as a whole.
  std::vector<NoteRow> batch_notes(std::optional<RowId> batch = std::nullopt) const;

  /// The raw values behind one score or timing, by idx.
  std::vector<SampleRow> samples_of_score(RowId score) const;
  std::vector<SampleRow> samples_of_timing(RowId timing) const;
  /// Of the runs that pass the filter, in the order of their stages.
  std::vector<CurveRow> curves(const RunFilter& filter = {}) const;

  std::vector<ComparisonRow> comparisons(std::optional<RowId> batch = std::nullopt) const;
  std::vector<ClaimRow> claims(std::optional<RowId> batch = std::nullopt) const;
  std::vector<PublishedRow> published(std::optional<RowId> batch = std::nullopt) const;
  std::vector<ProtocolRow> protocols() const;
  /// In the order in which they were accepted.
  std::vector<BaselineRow> baselines() const;

 private:
  const Store& store_;
};

}  // namespace assay
