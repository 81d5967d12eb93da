#include "store/stage_recorder.h"

#include <fmt/format.h>

#include <filesystem>

#include "core/elapsed.h"
#include "core/hash.h"
#include "store/artifact_place.h"
#include "store/recorder.h"
#include "store/row_checks.h"
#include "store/row_inserts.h"
#include "store/seal.h"
#include "store/sql.h"

namespace assay {
namespace {

using rows::require;
using rows::require_finite;
using rows::require_finite_all;
using rows::require_interval;
using rows::require_name;
using sql::guarded;

/// Writes the raw values behind scores and timings of a stage, or of the stage itself.
class SampleWriter {
 public:
  SampleWriter(SQLite::Database& database, RowId run, const std::string& stage)
      : statement_(database,
                   "INSERT INTO sample (run, stage, score, timing, kind, idx, value) VALUES (?, ?, ?, ?, ?, ?, ?)"),
        run_(run),
        stage_(stage) {}

  /// `score` and `timing`: the row behind which the values stand, else 0.
  void write(const std::string& kind, const std::vector<double>& values, RowId score, RowId timing) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      statement_.reset();
      statement_.bind(1, run_);
      statement_.bind(2, stage_);
      sql::bind(statement_, 3, sql::reference(score));
      sql::bind(statement_, 4, sql::reference(timing));
      statement_.bind(5, kind);
      statement_.bind(6, static_cast<std::int64_t>(i));
      statement_.bind(7, values[i]);
      statement_.exec();
    }
  }

 private:
  SQLite::Statement statement_;
  RowId run_;
  const std::string& stage_;
};

}  // namespace

StageRecorder::StageRecorder(Recorder& recorder, RowId run, std::string name, std::optional<std::int64_t> position)
    : recorder_(&recorder),
      run_(run),
      name_(std::move(name)),
      position_(position),
      start_(std::chrono::steady_clock::now()) {}

void StageRecorder::add_score(ScoreRow score, std::vector<double> samples, std::string sample_kind) {
  require_name(score.name, "name of a score");
  const std::string what = score.arm.empty() ? "score " + score.name : "score " + score.arm + "/" + score.name;
  require_finite(score.value, what);
  require(score.n >= 0, fmt::format("store: {}: n is {}", what, score.n));
  require_interval(score.interval, what);
  require_finite_all(samples, "samples of " + what);
  score.protocol_id = recorder_->protocol_of(score.protocol);
  scores_.push_back({std::move(score), {std::move(sample_kind), std::move(samples)}});
}

void StageRecorder::add_timing(TimingRow timing, std::vector<double> samples, std::string sample_kind) {
  rows::check(timing);
  require_finite_all(samples, "samples of timing " + timing.op);
  timings_.push_back({std::move(timing), {std::move(sample_kind), std::move(samples)}});
}

void StageRecorder::add_curve(std::string name, const std::vector<std::int64_t>& steps, std::vector<double> values) {
  require_name(name, "name of a curve");
  require_finite_all(values, name);
  require(steps.size() == values.size(),
          fmt::format("store: curve {}: {} steps and {} values", name, steps.size(), values.size()));
  series_.push_back({steps_of_curve(name), {steps.begin(), steps.end()}});
  series_.push_back({std::move(name), std::move(values)});
}

void StageRecorder::add_artifact(ArtifactRow artifact) {
  require_name(artifact.name, "name of an artifact");
  require_name(artifact.path, "path of artifact " + artifact.name);
  const std::filesystem::path path = std::filesystem::path(artifact.path).lexically_normal();
  require(lies_in_store_folder(path.generic_string()),
          fmt::format("store: artifact {}: path {} does not lie in the store's folder", artifact.name, artifact.path));
  artifact.path = path.generic_string();
  if (artifact.hash.empty()) {
    const std::filesystem::path file = recorder_->store_.folder() / path;
    artifact.hash = hash_file(file);
    artifact.bytes = static_cast<std::int64_t>(std::filesystem::file_size(file));
  }
  artifacts_.push_back(std::move(artifact));
}

void StageRecorder::add_note(std::string text) {
  require_name(text, "text of a note");
  notes_.push_back(std::move(text));
}

void StageRecorder::commit(nlohmann::json result) {
  require(!committed_, fmt::format("store: stage {} of run {} was committed before", name_, run_));
  const double seconds = seconds_since(start_);
  const Store& store = recorder_->store_;
  guarded(store, [&] {
    SQLite::Transaction transaction(store.database(), SQLite::TransactionBehavior::IMMEDIATE);
    write(store.database(), seconds, result);
    transaction.commit();
  });
  committed_ = true;
}

void StageRecorder::write(SQLite::Database& database, double seconds, const nlohmann::json& result) const {
  const std::string now = utc_now();
  SQLite::Statement place(database, "SELECT batch, (SELECT count(*) FROM stage WHERE run = ?1) FROM run WHERE id = ?1");
  place.bind(1, run_);
  require(place.executeStep(), fmt::format("store: there is no run {}", run_));
  const RowId batch = place.getColumn(0).getInt64();
  sql::insert(database, "stage",
              {{"run", run_},
               {"name", name_},
               {"position", position_.value_or(place.getColumn(1).getInt64())},
               {"seconds", seconds},
               {"finished_at", now},
               {"result", sql::json(result)}});

  SampleWriter samples(database, run_, name_);
  const rows::StageKey stage{run_, name_};
  for (const auto& [score, series] : scores_)
    samples.write(series.kind, series.values, rows::insert(database, score, stage), 0);
  for (const auto& [timing, series] : timings_) {
    TimingRow row = timing;
    row.batch = batch;
    row.run = run_;
    row.stage = name_;
    samples.write(series.kind, series.values, 0, rows::insert(database, row, now));
  }
  for (const Series& series : series_) samples.write(series.kind, series.values, 0, 0);
  for (const ArtifactRow& artifact : artifacts_) rows::insert(database, artifact, stage);
  for (const std::string& text : notes_) rows::insert(database, NoteRow{0, batch, run_, name_, text, ""}, now);
  seals::append(database, run_, name_);
}

}  // namespace assay
