#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "store/rows.h"

namespace SQLite {
class Database;
}

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

  void write(SQLite::Database& database, double seconds, const nlohmann::json& result) const;

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

}  // namespace assay
