#include "store/recorder.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <chrono>

#include "core/error.h"
#include "core/hash.h"
#include "store/query.h"
#include "store/row_checks.h"
#include "store/row_inserts.h"
#include "store/sql.h"

namespace assay {
namespace {

using rows::require;
using rows::require_name;
using sql::guarded;

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

Recorder::Recorder(Store& store) : store_(store) {
  require(store.writable(), fmt::format("{}: was opened for reading", store.path().string()));
}

template <class Row, class Write>
void Recorder::write_all(const std::vector<Row>& all, Write write) {
  for (const Row& row : all) rows::check(row);
  guarded(store_, [&] {
    SQLite::Transaction transaction = begin(store_);
    for (const Row& row : all) write(row);
    transaction.commit();
  });
}

RowId Recorder::insert_run(const RunRow& run) {
  require_name(run.method, "method of a run");
  return rows::insert(store_.database(), run, utc_now());
}

RowId Recorder::begin_batch(const BatchRow& batch) {
  return guarded(store_, [&] { return rows::insert(store_.database(), batch, utc_now()); });
}

RowId Recorder::begin_run(const RunRow& run) {
  return guarded(store_, [&] { return insert_run(run); });
}

RowId Recorder::begin_batch_with_runs(const BatchRow& batch, std::vector<RunRow>& runs) {
  return guarded(store_, [&] {
    SQLite::Transaction transaction = begin(store_);
    const RowId id = rows::insert(store_.database(), batch, utc_now());
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
    NoteRow note;
    note.batch = row.batch;
    note.run = run;
    note.text = fmt::format("resumed; it was {}{}{}", name_of(row.status), row.reason.empty() ? "" : ": ", row.reason);
    rows::insert(store_.database(), note, utc_now());
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
  write_all(comparisons, [&](const ComparisonRow& row) {
    rows::insert_or_replace(store_.database(), row, protocol_of(row.protocol));
  });
}

void Recorder::add_claims(const std::vector<ClaimRow>& claims) {
  write_all(claims, [&](const ClaimRow& row) { rows::insert_or_replace(store_.database(), row); });
}

void Recorder::add_published(const std::vector<PublishedRow>& cells) {
  write_all(cells, [&](const PublishedRow& row) { rows::insert_or_replace(store_.database(), row); });
}

void Recorder::add_timings(const std::vector<TimingRow>& timings) {
  const std::string now = utc_now();
  write_all(timings, [&](TimingRow row) {
    row.run = 0;
    rows::insert(store_.database(), row, now);
  });
}

void Recorder::accept_baselines(const std::vector<BaselineRow>& baselines) {
  const std::string now = utc_now();
  write_all(baselines, [&](const BaselineRow& row) { rows::insert_or_replace(store_.database(), row, now); });
}

void Recorder::add_note(RowId batch, RowId run, const std::string& text) {
  require_name(text, "text of a note");
  NoteRow note;
  note.batch = batch;
  note.run = run;
  note.text = text;
  guarded(store_, [&] { rows::insert(store_.database(), note, utc_now()); });
}

}  // namespace assay
