#include "store/row_inserts.h"

#include "store/sql.h"

namespace assay::rows {
namespace {

using sql::nullable;
using sql::reference;
using sql::Value;

Value low_of(const std::optional<ScoreInterval>& interval) { return interval ? Value(interval->low) : Value(); }
Value high_of(const std::optional<ScoreInterval>& interval) { return interval ? Value(interval->high) : Value(); }
Value level_of(const std::optional<ScoreInterval>& interval) { return interval ? Value(interval->level) : Value(); }
std::string method_of(const std::optional<ScoreInterval>& interval) { return interval ? interval->method : ""; }

}  // namespace

RowId insert(SQLite::Database& database, const BatchRow& batch, const std::string& now) {
  return sql::insert(database, "batch",
                     {{"command", batch.command}, {"created_at", now}, {"config", sql::json(batch.config)}});
}

RowId insert(SQLite::Database& database, const RunRow& run, const std::string& now) {
  return sql::insert(database, "run",
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
                      {"started_at", now}});
}

RowId insert(SQLite::Database& database, const ScoreRow& score, const StageKey& stage) {
  return sql::insert(database, "score",
                     {{"run", stage.run},
                      {"stage", stage.name},
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
}

RowId insert(SQLite::Database& database, const TimingRow& timing, const std::string& now) {
  return sql::insert(database, "timing",
                     {{"batch", reference(timing.batch)},
                      {"run", reference(timing.run)},
                      {"stage", timing.run == 0 ? Value() : Value(timing.stage)},
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

void insert(SQLite::Database& database, const ArtifactRow& artifact, const StageKey& stage) {
  sql::insert(database, "artifact",
              {{"run", stage.run},
               {"stage", stage.name},
               {"name", artifact.name},
               {"kind", artifact.kind},
               {"path", artifact.path},
               {"hash", artifact.hash},
               {"bytes", artifact.bytes},
               {"meta", sql::json(artifact.meta)}});
}

void insert_or_replace(SQLite::Database& database, const ComparisonRow& row, RowId protocol) {
  sql::insert(database, "comparison",
              {{"batch", row.batch},
               {"method", row.method},
               {"dataset", row.dataset},
               {"metric", row.metric},
               {"protocol", protocol},
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
}

void insert_or_replace(SQLite::Database& database, const ClaimRow& row) {
  sql::insert(database, "claim",
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
               {"note", row.note},
               {"quantity", sql::json(row.quantity)},
               {"seed_values", sql::json(nlohmann::json(row.values))}},
              "INSERT OR REPLACE");
}

void insert_or_replace(SQLite::Database& database, const PublishedRow& row) {
  sql::insert(database, "published",
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
}

void insert_or_replace(SQLite::Database& database, const BaselineRow& row, const std::string& now) {
  sql::insert(database, "baseline",
              {{"batch", row.batch}, {"name", row.name}, {"note", row.note}, {"accepted_at", now}},
              "INSERT OR REPLACE");
}

void insert(SQLite::Database& database, const NoteRow& note, const std::string& now) {
  sql::insert(database, "note",
              {{"batch", note.batch},
               {"run", reference(note.run)},
               {"stage", note.stage},
               {"text", note.text},
               {"created_at", now}});
}

}  // namespace assay::rows
