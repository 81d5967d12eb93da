#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core/score_interval.h"

namespace assay {

/// Key of a row; 0 where there is none. Fields marked "set by the store" are filled when a row is read and ignored
/// when it is written.
using RowId = std::int64_t;

/// One invocation of the command.
struct BatchRow {
  RowId id = 0;  // set by the store
  std::string command;
  std::string created_at;  // set by the store
  nlohmann::json config = nlohmann::json::object();
};

enum class RunStatus { running, done, failed, interrupted };

/// One method with one seed.
struct RunRow {
  RowId id = 0;  // set by the store
  RowId batch = 0;
  std::string method;
  std::string tier;
  std::string dataset;
  std::string dataset_hash;
  std::int64_t seed = 0;
  nlohmann::json config = nlohmann::json::object();
  std::string code_version;
  std::string device;
  std::string driver;
  nlohmann::json libraries = nlohmann::json::object();  // {"libtorch": "2.11.0", ...}
  nlohmann::json machine = nlohmann::json::object();    // {"cpu": ..., "cores": ..., "os": ...}
  RunStatus status = RunStatus::running;                // set by the store
  std::string reason;                                   // set by the store
  std::string started_at;                               // set by the store
  std::string finished_at;                              // set by the store; empty while running, or after a kill
};

/// A completed stage of a run.
struct StageRow {
  RowId run = 0;
  std::string name;
  std::int64_t position = 0;  // orders the stages of a run
  double seconds = 0.0;
  std::string finished_at;
  nlohmann::json result = nlohmann::json::object();
};

/// Every choice behind a number. Two rows may share a name, never name and choices.
struct ProtocolRow {
  RowId id = 0;  // set by the store
  std::string name;
  std::string hash;  // of `choices`; set by the store
  std::string description;
  std::string origin;
  nlohmann::json choices = nlohmann::json::object();
};

struct ScoreRow {
  RowId id = 0;       // set by the store
  RowId run = 0;      // set by the store
  std::string stage;  // set by the store
  std::string arm;    // empty for the run as a whole
  std::string name;
  double value = 0.0;
  std::string unit;
  Better better = Better::unstated;
  std::int64_t n = 0;  // samples behind the value
  std::optional<ScoreInterval> interval;
  std::string protocol;                              // name; recorded before by Recorder::upsert_protocol
  RowId protocol_id = 0;                             // set by the store
  nlohmann::json params = nlohmann::json::object();  // {"w": 2, "w_cfg": 1}
};

/// One raw value behind a score or a timing, or of a stage.
struct SampleRow {
  RowId run = 0;
  std::string stage;
  RowId score = 0;
  RowId timing = 0;
  std::string kind;  // "image", "bootstrap", ...
  std::int64_t idx = 0;
  double value = 0.0;
};

/// Values of a stage along its steps: as many steps, ascending, as values. The store keeps both as samples of the
/// stage: the values under the curve's name, the steps under steps_of_curve().
struct CurveRow {
  RowId run = 0;
  std::string stage;
  std::string name;  // "loss: mse"
  std::vector<std::int64_t> steps;
  std::vector<double> values;
};
std::string steps_of_curve(const std::string& name);

/// arm_a minus arm_b, paired over the seeds they share.
struct ComparisonRow {
  RowId id = 0;  // set by the store
  RowId batch = 0;
  std::string method;
  std::string dataset;
  std::string metric;
  std::string protocol;   // name, as in ScoreRow
  RowId protocol_id = 0;  // set by the store
  std::string arm_a;
  std::string arm_b;
  nlohmann::json params = nlohmann::json::object();    // of arm_a
  nlohmann::json params_b = nlohmann::json::object();  // of arm_b
  Better better = Better::unstated;
  double difference = 0.0;                // mean over seeds
  std::optional<ScoreInterval> interval;  // none with one seed; its `method` is the test, as in "paired t; Holm over 6"
  std::optional<double> p_value;
  std::optional<double> p_adjusted;
  std::vector<std::int64_t> seeds;
  std::vector<double> differences;  // one a seed, in the order of `seeds`
};

/// One repetition of one timed operation.
struct TimingRow {
  RowId id = 0;       // set by the store
  RowId batch = 0;    // 0: of no batch
  RowId run = 0;      // set by the store; 0 outside a run
  std::string stage;  // set by the store
  std::string op;     // "train_step", "sample", "kernel/ddim_step"
  std::string variant;
  std::string shape;
  std::string dtype;
  std::string device;
  std::int64_t threads = 1;
  std::int64_t repetition = 0;
  double seconds = 0.0;
  std::int64_t items = 1;  // images, steps or calls done in `seconds`
  std::string item_unit;   // plural: "images"
  std::optional<double> bytes;
  std::optional<double> flops;
  std::optional<std::int64_t> peak_memory_bytes;
  std::optional<double> peak_bytes_per_second;  // what the device can do, where known
  std::optional<double> peak_flops_per_second;
  std::string code_version;
  nlohmann::json machine = nlohmann::json::object();
  std::string created_at;  // set by the store
};

enum class Verdict { supported, contradicted, inconclusive, not_run };

struct ClaimRow {
  RowId id = 0;  // set by the store
  RowId batch = 0;
  std::string name;  // the claim's id
  std::string method;
  std::string statement;
  std::string origin;  // table, figure or section of the paper
  Verdict verdict = Verdict::not_run;
  std::optional<double> statistic;
  std::optional<double> low;
  std::optional<double> high;
  std::string threshold;
  std::vector<std::int64_t> seeds;
  std::string note;
  /// Which recorded score, or difference of two, it was judged by, and the numbers at which its verdict turns:
  /// {"score", "protocol", "arm", "params", "minus": {"arm", "params"}, "bounds": [0]}; `minus` of a difference alone.
  /// Empty for claims that the program recorded before it kept this.
  nlohmann::json quantity = nlohmann::json::object();
  std::vector<double> values;  // one a seed, in the order of `seeds`
};

/// One number of a published table.
struct PublishedRow {
  RowId id = 0;  // set by the store
  RowId batch = 0;
  std::string method;
  std::string title;   // of the table
  std::string source;  // where the number was read
  std::string label;   // of the row
  nlohmann::json settings = nlohmann::json::object();
  std::string metric;  // the column
  Better better = Better::unstated;
  std::string printed;          // "0.70"; empty: unknown
  std::optional<double> value;  // of `printed`
  std::int64_t n = 0;           // samples behind it; 0: unknown
  std::string trust;            // tag: "ED", "2nd"
  std::string trust_meaning;
  std::string note;
  /// Scores of ours beside it, the first recorded one counts: [{"arm", "score", "protocol", "params", "stand_in"}].
  nlohmann::json ours = nlohmann::json::array();
};

struct ArtifactRow {
  RowId id = 0;       // set by the store
  RowId run = 0;      // set by the store
  std::string stage;  // set by the store
  std::string name;
  std::string kind;  // "image-grid", "checkpoint", "samples", "features", ...
  std::string path;  // relative to the store's folder, with '/'
  std::string hash;  // content id; read from the file when empty
  std::int64_t bytes = 0;
  nlohmann::json meta = nlohmann::json::object();  // {"arm": ..., "w": ..., "rows": ..., "columns": ...}
};

/// A batch that later ones are compared with.
struct BaselineRow {
  RowId id = 0;  // set by the store
  RowId batch = 0;
  std::string name;         // may stand for several batches
  std::string note;         // why it was accepted; may be empty
  std::string accepted_at;  // set by the store
};

/// What was skipped, counted or surprising.
struct NoteRow {
  RowId id = 0;  // set by the store
  RowId batch = 0;
  RowId run = 0;      // 0: of the whole batch
  std::string stage;  // may be empty
  std::string text;
  std::string created_at;  // set by the store
};

/// The words the file holds: "running", "not run", "lower", ...
std::string name_of(RunStatus status);
std::string name_of(Verdict verdict);
std::string name_of(Better better);

}  // namespace assay
