#include "store/recorder.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <cmath>
#include <filesystem>

#include "core/elapsed.h"
#include "core/error.h"
#include "core/hash.h"
#include "store/query.h"
#include "store/sql.h"

namespace assay {
namespace {

using sql::guarded;
using sql::insert;
using sql::nullable;
using sql::reference;
using sql::Value;

void require(bool condition, const std::string& message) {
  if (!condition) throw Error(message);
}

void require_finite(double value, const std::string& what) {
  require(std::isfinite(value), fmt::format("store: {} is {}, only finite numbers are recorded", what, value));
}

void require_finite(const std::optional<double>& value, const std::string& what) {
  if (value) require_finite(*value, what);
}

void require_name(const std::string& name, const std::string& what) {
  require(!name.empty(), fmt::format("store: {} is empty", what));
}

void require_interval(const std::optional<ScoreInterval>& interval, const std::string& what) {
  if (!interval) return;
  require_finite(interval->low, what + ": low");
  require_finite(interval->high, what + ": high");
  require(interval->low <= interval->high,
          fmt::format("store: {}: low {} is above high {}", what, interval->low, interval->high));
  require(interval->level > 0 && interval->level < 1,
          fmt::format("store: {}: level is {}, expected a number between 0 and 1", what, interval->level));
}

void require_finite_all(const std::vector<double>& values, const std::string& what) {
  for (std::size_t i = 0; i < values.size(); ++i) require_finite(values[i], fmt::format("{}[{}]", what, i));
}

void check(const TimingRow& timing) {
  require_name(timing.op, "op of a timing");
  require_name(timing.device, "device of timing " + timing.op);
  require_finite(timing.seconds, "seconds of timing " + timing.op);
  require(timing.seconds >= 0, fmt::format("store: timing {} took {} s", timing.op, timing.seconds));
  require(timing.threads >= 1 && timing.items >= 0 && timing.repetition >= 0,
          fmt::format("store: timing {}: threads {}, items {}, repetition {}", timing.op, timing.threads, timing.items,
                      timing.repetition));
  require_finite(timing.bytes, "bytes of timing " + timing.op);
  require_finite(timing.flops, "flops of timing " + timing.op);
  require_finite(timing.peak_bytes_per_second, "peak of timing " + timing.op);
  require_finite(timing.peak_flops_per_second, "peak of timing " + timing.op);
}

RowId insert_timing(SQLite::Database& database, const TimingRow& timing, RowId batch, RowId run,
                    const std::string& stage, const std::string& now) {
  return insert(database, "timing",
                {{"batch", reference(batch)},
                 {"run", reference(run)},
                 {"stage", run == 0 ? Value() : Value(stage)},
                 {"op", timing.op},
                 {"variant", timing.variant},
                 {"shape", timing.shape},
                 {"dtype", timing.dtype},
                 {"device", timing.device},
                 {"threads", timing.threads},
                 {"repetition", timing.repetition},
                 {"seconds", timing.seconds},
                 {"items", timing.items},
                 {"item_unit", timing.item_unit},
                 {"bytes", nullable(timing.bytes)},
                 {"flops", nullable(timing.flops)},
                 {"peak_memory_bytes", nullable(timing.peak_memory_bytes)},
                 {"peak_bytes_per_second", nullable(timing.peak_bytes_per_second)},
                 {"peak_flops_per_second", nullable(timing.peak_flops_per_second)},
                 {"code_version", timing.code_version},
                 {"machine", sql::json(timing.machine)},
                 {"created_at", now}});
}

Value low_of(const std::optional<ScoreInterval>& interval) { return interval ? Value(interval->low) : Value(); }
Value high_of(const std::optional<ScoreInterval>& interval) { return interval ? Value(interval->high) : Value(); }
Value level_of(const std::optional<ScoreInterval>& interval) { return interval ? Value(interval->level) : Value(); }
std::string method_of(const std::optional<ScoreInterval>& interval) { return interval ? interval->method : ""; }

SQLite::Transaction begin(const Store& store) {
  return SQLite::Transaction(store.database(), SQLite::TransactionBehavior::IMMEDIATE);
}

}  // namespace

std::string utc_now() {
  const auto now = std::chrono::system_clock::now();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(now);
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(now - seconds).count();
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(std::chrono::system_clock::to_time_t(seconds)),
                     milliseconds);
}

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
  check(timing);
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
  require(path.is_relative() && *path.begin() != "..",
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
  const std::string now = utc_now();
  guarded(store, [&] {
    SQLite::Database& database = store.database();
    SQLite::Transaction transaction = begin(store);
    SQLite::Statement place(database,
                            "SELECT batch, (SELECT count(*) FROM stage WHERE run = ?1) FROM run WHERE id = ?1");
    place.bind(1, run_);
    require(place.executeStep(), fmt::format("store: there is no run {}", run_));
    const RowId batch = place.getColumn(0).getInt64();
    insert(database, "stage",
           {{"run", run_},
            {"name", name_},
            {"position", position_.value_or(place.getColumn(1).getInt64())},
            {"seconds", seconds},
            {"finished_at", now},
            {"result", sql::json(result)}});

    SQLite::Statement sample(database,
                             "INSERT INTO sample (run, stage, score, timing, kind, idx, value) "
                             "VALUES (?, ?, ?, ?, ?, ?, ?)");
    const auto write = [&](const Series& series, RowId score, RowId timing) {
      for (std::size_t i = 0; i < series.values.size(); ++i) {
        sample.reset();
        sample.bind(1, run_);
        sample.bind(2, name_);
        sql::bind(sample, 3, reference(score));
        sql::bind(sample, 4, reference(timing));
        sample.bind(5, series.kind);
        sample.bind(6, static_cast<std::int64_t>(i));
        sample.bind(7, series.values[i]);
        sample.exec();
      }
    };
    for (const auto& [score, samples] : scores_) {
      const RowId id = insert(database, "score",
                              {{"run", run_},
                               {"stage", name_},
                               {"arm", score.arm},
                               {"name", score.name},
                               {"value", score.value},
                               {"unit", score.unit},
                               {"better", name_of(score.better)},
                               {"n", score.n},
                               {"low", low_of(score.interval)},
                               {"high", high_of(score.interval)},
                               {"level", level_of(score.interval)},
                               {"interval", method_of(score.interval)},
                               {"protocol", score.protocol_id},
                               {"params", sql::json(score.params)}});
      write(samples, id, 0);
    }
    for (const auto& [timing, samples] : timings_)
      write(samples, 0, insert_timing(database, timing, batch, run_, name_, now));
    for (const Series& series : series_) write(series, 0, 0);
    for (const ArtifactRow& artifact : artifacts_)
      insert(database, "artifact",
             {{"run", run_},
              {"stage", name_},
              {"name", artifact.name},
              {"kind", artifact.kind},
              {"path", artifact.path},
              {"hash", artifact.hash},
              {"bytes", artifact.bytes},
              {"meta", sql::json(artifact.meta)}});
    for (const std::string& text : notes_)
      insert(database, "note",
             {{"batch", batch}, {"run", run_}, {"stage", name_}, {"text", text}, {"created_at", now}});
    transaction.commit();
  });
  committed_ = true;
}

Recorder::Recorder(Store& store) : store_(store) {
  require(store.writable(), fmt::format("{}: was opened for reading", store.path().string()));
}

RowId Recorder::insert_batch(const BatchRow& batch) {
  return insert(store_.database(), "batch",
                {{"command", batch.command}, {"created_at", utc_now()}, {"config", sql::json(batch.config)}});
}

RowId Recorder::insert_run(const RunRow& run) {
  require_name(run.method, "method of a run");
  return insert(store_.database(), "run",
                {{"batch", run.batch},
                 {"method", run.method},
                 {"tier", run.tier},
                 {"dataset", run.dataset},
                 {"dataset_hash", run.dataset_hash},
                 {"seed", run.seed},
                 {"config", sql::json(run.config)},
                 {"code_version", run.code_version},
                 {"device", run.device},
                 {"driver", run.driver},
                 {"libraries", sql::json(run.libraries)},
                 {"machine", sql::json(run.machine)},
                 {"status", name_of(RunStatus::running)},
                 {"started_at", utc_now()}});
}

RowId Recorder::begin_batch(const BatchRow& batch) {
  return guarded(store_, [&] { return insert_batch(batch); });
}

RowId Recorder::begin_run(const RunRow& run) {
  return guarded(store_, [&] { return insert_run(run); });
}

RowId Recorder::begin_batch_with_runs(const BatchRow& batch, std::vector<RunRow>& runs) {
  return guarded(store_, [&] {
    SQLite::Transaction transaction = begin(store_);
    const RowId id = insert_batch(batch);
    for (RunRow& run : runs) {
      run.batch = id;
      run.id = insert_run(run);
    }
    transaction.commit();
    return id;
  });
}

RunRow Recorder::resume_run(RowId run) {
  RunRow row = Query(store_).run(run);
  if (row.status == RunStatus::done)
    throw InputError(fmt::format("{}: run {} is done, there is nothing to resume", store_.path().string(), run));
  guarded(store_, [&] {
    SQLite::Transaction transaction = begin(store_);
    SQLite::Statement update(store_.database(),
                             "UPDATE run SET status = 'running', reason = '', finished_at = NULL WHERE id = ?");
    update.bind(1, run);
    update.exec();
    insert(store_.database(), "note",
           {{"batch", row.batch},
            {"run", run},
            {"text",
             fmt::format("resumed; it was {}{}{}", name_of(row.status), row.reason.empty() ? "" : ": ", row.reason)},
            {"created_at", utc_now()}});
    transaction.commit();
  });
  return Query(store_).run(run);
}

void Recorder::start_run(RowId run) {
  guarded(store_, [&] {
    SQLite::Statement update(
        store_.database(),
        "UPDATE run SET started_at = ?1 WHERE id = ?2 AND NOT EXISTS (SELECT 1 FROM stage WHERE run = ?2)");
    update.bind(1, utc_now());
    update.bind(2, run);
    update.exec();
  });
}

void Recorder::finish_run(RowId run, RunStatus status, const std::string& reason) {
  require(status != RunStatus::running, "store: a run cannot finish as running");
  guarded(store_, [&] {
    SQLite::Statement update(store_.database(), "UPDATE run SET status = ?, reason = ?, finished_at = ? WHERE id = ?");
    update.bind(1, name_of(status));
    update.bind(2, reason);
    update.bind(3, utc_now());
    update.bind(4, run);
    require(update.exec() == 1, fmt::format("store: there is no run {}", run));
  });
}

bool Recorder::stage_done(RowId run, const std::string& stage) const {
  return guarded(store_, [&] {
    SQLite::Statement query(store_.database(), "SELECT 1 FROM stage WHERE run = ? AND name = ?");
    query.bind(1, run);
    query.bind(2, stage);
    return query.executeStep();
  });
}

nlohmann::json Recorder::stage_result(RowId run, const std::string& stage) const {
  return guarded(store_, [&] {
    SQLite::Statement query(store_.database(), "SELECT result FROM stage WHERE run = ? AND name = ?");
    query.bind(1, run);
    query.bind(2, stage);
    require(query.executeStep(), fmt::format("store: stage {} of run {} is not done", stage, run));
    return nlohmann::json::parse(query.getColumn(0).getString());
  });
}

StageRecorder Recorder::begin_stage(RowId run, const std::string& stage, std::optional<std::int64_t> position) {
  require_name(stage, "name of a stage");
  require(!stage_done(run, stage), fmt::format("store: stage {} of run {} is done already", stage, run));
  return {*this, run, stage, position};
}

RowId Recorder::upsert_protocol(const ProtocolRow& protocol) {
  require_name(protocol.name, "name of a protocol");
  const std::string choices = sql::json(protocol.choices);
  const RowId id = guarded(store_, [&] {
    SQLite::Statement upsert(store_.database(),
                             "INSERT INTO protocol (name, hash, description, origin, choices) VALUES (?, ?, ?, ?, ?) "
                             "ON CONFLICT (name, hash) DO UPDATE SET description = excluded.description, "
                             "origin = excluded.origin RETURNING id");
    upsert.bind(1, protocol.name);
    upsert.bind(2, hash_text(choices));
    upsert.bind(3, protocol.description);
    upsert.bind(4, protocol.origin);
    upsert.bind(5, choices);
    upsert.executeStep();
    const RowId row = upsert.getColumn(0).getInt64();
    // The change is committed once the statement has run to its end.
    upsert.executeStep();
    return row;
  });
  protocols_[protocol.name] = id;
  return id;
}

RowId Recorder::protocol_of(const std::string& name) const {
  const auto found = protocols_.find(name);
  require(found != protocols_.end(),
          fmt::format("store: protocol '{}' is not recorded; call upsert_protocol first", name));
  return found->second;
}

void Recorder::add_comparisons(const std::vector<ComparisonRow>& comparisons) {
  for (const ComparisonRow& row : comparisons) {
    const std::string what = fmt::format("comparison {} - {} of {}", row.arm_a, row.arm_b, row.metric);
    require_name(row.metric, "metric of a comparison");
    require_finite(row.difference, what);
    require_interval(row.interval, what);
    require_finite(row.p_value, what + ": p_value");
    require_finite(row.p_adjusted, what + ": p_adjusted");
    require_finite_all(row.differences, what);
    require(!row.seeds.empty() && row.seeds.size() == row.differences.size(),
            fmt::format("store: {}: {} seeds, {} differences", what, row.seeds.size(), row.differences.size()));
  }
  guarded(store_, [&] {
    SQLite::Transaction transaction = begin(store_);
    for (const ComparisonRow& row : comparisons)
      insert(store_.database(), "comparison",
             {{"batch", row.batch},
              {"method", row.method},
              {"dataset", row.dataset},
              {"metric", row.metric},
              {"protocol", protocol_of(row.protocol)},
              {"arm_a", row.arm_a},
              {"arm_b", row.arm_b},
              {"params", sql::json(row.params)},
              {"params_b", sql::json(row.params_b)},
              {"better", name_of(row.better)},
              {"difference", row.difference},
              {"low", low_of(row.interval)},
              {"high", high_of(row.interval)},
              {"level", level_of(row.interval)},
              {"p_value", nullable(row.p_value)},
              {"p_adjusted", nullable(row.p_adjusted)},
              {"test", method_of(row.interval)},
              {"n_seeds", static_cast<std::int64_t>(row.seeds.size())},
              {"seeds", sql::json(nlohmann::json(row.seeds))},
              {"differences", sql::json(nlohmann::json(row.differences))}},
             "INSERT OR REPLACE");
    transaction.commit();
  });
}

void Recorder::add_claims(const std::vector<ClaimRow>& claims) {
  for (const ClaimRow& row : claims) {
    require_name(row.name, "name of a claim");
    require_finite(row.statistic, "statistic of claim " + row.name);
    require_finite(row.low, "low of claim " + row.name);
    require_finite(row.high, "high of claim " + row.name);
    require(row.low.has_value() == row.high.has_value() && (!row.low || *row.low <= *row.high),
            fmt::format("store: claim {}: needs both low and high, low first", row.name));
  }
  guarded(store_, [&] {
    SQLite::Transaction transaction = begin(store_);
    for (const ClaimRow& row : claims)
      insert(store_.database(), "claim",
             {{"batch", row.batch},
              {"name", row.name},
              {"method", row.method},
              {"statement", row.statement},
              {"origin", row.origin},
              {"verdict", name_of(row.verdict)},
              {"statistic", nullable(row.statistic)},
              {"low", nullable(row.low)},
              {"high", nullable(row.high)},
              {"threshold", row.threshold},
              {"seeds", sql::json(nlohmann::json(row.seeds))},
              {"note", row.note}},
             "INSERT OR REPLACE");
    transaction.commit();
  });
}

void Recorder::add_published(const std::vector<PublishedRow>& cells) {
  for (const PublishedRow& row : cells) {
    const std::string what = fmt::format("published {}, {}, {}", row.title, row.label, row.metric);
    require_name(row.title, "title of a published table");
    require_name(row.label, "label of a row of " + row.title);
    require_name(row.metric, "metric of " + row.title);
    require_finite(row.value, what);
    require(row.value.has_value() != row.printed.empty(),
            fmt::format("store: {}: needs the number and how it is printed, or neither", what));
    require(!row.value || !row.trust.empty(), fmt::format("store: {}: a number needs a trust tag", what));
  }
  guarded(store_, [&] {
    SQLite::Transaction transaction = begin(store_);
    for (const PublishedRow& row : cells)
      insert(store_.database(), "published",
             {{"batch", row.batch},
              {"method", row.method},
              {"title", row.title},
              {"source", row.source},
              {"label", row.label},
              {"settings", sql::json(row.settings)},
              {"metric", row.metric},
              {"better", name_of(row.better)},
              {"printed", row.printed},
              {"value", nullable(row.value)},
              {"n", row.n},
              {"trust", row.trust},
              {"trust_meaning", row.trust_meaning},
              {"note", row.note},
              {"ours", sql::json(row.ours)}},
             "INSERT OR REPLACE");
    transaction.commit();
  });
}

void Recorder::add_timings(const std::vector<TimingRow>& timings) {
  for (const TimingRow& row : timings) check(row);
  guarded(store_, [&] {
    const std::string now = utc_now();
    SQLite::Transaction transaction = begin(store_);
    for (const TimingRow& row : timings) insert_timing(store_.database(), row, row.batch, 0, "", now);
    transaction.commit();
  });
}

void Recorder::add_note(RowId batch, RowId run, const std::string& text) {
  require_name(text, "text of a note");
  guarded(store_, [&] {
    insert(store_.database(), "note",
           {{"batch", batch}, {"run", reference(run)}, {"text", text}, {"created_at", utc_now()}});
  });
}

}  // namespace assay
