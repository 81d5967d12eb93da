#include "store/query.h"

#include <fmt/format.h>

#include <array>

#include "core/config.h"
#include "core/error.h"
#include "core/nearest.h"
#include "store/sql.h"

namespace assay {
namespace {

using sql::guarded;

/// The runs that pass a filter, as a subquery with the parameters bound by `bind_filter`.
constexpr const char* chosen_runs =
    "(SELECT id FROM run WHERE (?1 IS NULL OR batch = ?1) AND (?2 IS NULL OR id = ?2) AND (?3 IS NULL OR method = ?3) "
    "AND (?4 IS NULL OR tier = ?4) AND (?5 IS NULL OR dataset = ?5) AND (?6 IS NULL OR status = ?6))";

void bind_filter(SQLite::Statement& statement, const RunFilter& filter) {
  sql::bind(statement, 1, sql::nullable(filter.batch));
  sql::bind(statement, 2, sql::nullable(filter.run));
  sql::bind(statement, 3, sql::nullable(filter.method));
  sql::bind(statement, 4, sql::nullable(filter.tier));
  sql::bind(statement, 5, sql::nullable(filter.dataset));
  sql::bind(statement, 6, filter.status ? sql::Value(name_of(*filter.status)) : sql::Value());
}

void bind_batch(SQLite::Statement& statement, const std::optional<RowId>& batch) {
  sql::bind(statement, 1, sql::nullable(batch));
}

// Columns by name: a query reads the same whatever the order of the table.
std::string text(SQLite::Statement& row, const char* name) { return row.getColumn(name).getString(); }
std::int64_t integer(SQLite::Statement& row, const char* name) { return row.getColumn(name).getInt64(); }
double real(SQLite::Statement& row, const char* name) { return row.getColumn(name).getDouble(); }
nlohmann::json json(SQLite::Statement& row, const char* name) {
  const std::string value = text(row, name);
  if (nests_too_deeply(value))
    throw Error(fmt::format("store: JSON of '{}' lies more than {} levels deep", name, deepest_json));
  return nlohmann::json::parse(value);
}

std::optional<double> optional_real(SQLite::Statement& row, const char* name) {
  const SQLite::Column column = row.getColumn(name);
  return column.isNull() ? std::nullopt : std::optional<double>(column.getDouble());
}

std::optional<ScoreInterval> interval(SQLite::Statement& row, const char* method) {
  const std::optional<double> low = optional_real(row, "low");
  if (!low) return std::nullopt;
  return ScoreInterval{*low, real(row, "high"), real(row, "level"), text(row, method)};
}

template <class Enum, std::size_t N>
Enum enum_of(const std::string& word, const std::array<Enum, N>& values) {
  for (const Enum value : values)
    if (name_of(value) == word) return value;
  throw Error("store: unknown word '" + word + "'");
}

RunStatus status_of(const std::string& word) {
  return enum_of(word, std::array{RunStatus::running, RunStatus::done, RunStatus::failed, RunStatus::interrupted});
}
Verdict verdict_of(const std::string& word) {
  return enum_of(word, std::array{Verdict::supported, Verdict::contradicted, Verdict::inconclusive, Verdict::not_run});
}
Better better_of(const std::string& word) {
  return enum_of(word, std::array{Better::unstated, Better::lower, Better::higher});
}

BatchRow read_batch(SQLite::Statement& row) {
  return {integer(row, "id"), text(row, "command"), text(row, "created_at"), json(row, "config")};
}

RunRow read_run(SQLite::Statement& row) {
  RunRow run;
  run.id = integer(row, "id");
  run.batch = integer(row, "batch");
  run.method = text(row, "method");
  run.tier = text(row, "tier");
  run.dataset = text(row, "dataset");
  run.dataset_hash = text(row, "dataset_hash");
  run.seed = integer(row, "seed");
  run.config = json(row, "config");
  run.code_version = text(row, "code_version");
  run.device = text(row, "device");
  run.driver = text(row, "driver");
  run.libraries = json(row, "libraries");
  run.machine = json(row, "machine");
  run.status = status_of(text(row, "status"));
  run.reason = text(row, "reason");
  run.started_at = text(row, "started_at");
  run.finished_at = text(row, "finished_at");
  return run;
}

StageRow read_stage(SQLite::Statement& row) {
  return {integer(row, "run"),  text(row, "name"),        integer(row, "position"),
          real(row, "seconds"), text(row, "finished_at"), json(row, "result")};
}

ScoreRow read_score(SQLite::Statement& row) {
  ScoreRow score;
  score.id = integer(row, "id");
  score.run = integer(row, "run");
  score.stage = text(row, "stage");
  score.arm = text(row, "arm");
  score.name = text(row, "name");
  score.value = real(row, "value");
  score.unit = text(row, "unit");
  score.better = better_of(text(row, "better"));
  score.n = integer(row, "n");
  score.interval = interval(row, "interval");
  score.protocol = text(row, "protocol_name");
  score.protocol_id = integer(row, "protocol");
  score.params = json(row, "params");
  return score;
}

TimingRow read_timing(SQLite::Statement& row) {
  TimingRow timing;
  timing.id = integer(row, "id");
  timing.batch = integer(row, "batch");
  timing.run = integer(row, "run");
  timing.stage = text(row, "stage");
  timing.op = text(row, "op");
  timing.variant = text(row, "variant");
  timing.shape = text(row, "shape");
  timing.dtype = text(row, "dtype");
  timing.device = text(row, "device");
  timing.threads = integer(row, "threads");
  timing.repetition = integer(row, "repetition");
  timing.seconds = real(row, "seconds");
  timing.items = integer(row, "items");
  timing.item_unit = text(row, "item_unit");
  timing.bytes = optional_real(row, "bytes");
  timing.flops = optional_real(row, "flops");
  const SQLite::Column memory = row.getColumn("peak_memory_bytes");
  if (!memory.isNull()) timing.peak_memory_bytes = memory.getInt64();
  timing.peak_bytes_per_second = optional_real(row, "peak_bytes_per_second");
  timing.peak_flops_per_second = optional_real(row, "peak_flops_per_second");
  timing.code_version = text(row, "code_version");
  timing.machine = json(row, "machine");
  timing.created_at = text(row, "created_at");
  return timing;
}

SampleRow read_sample(SQLite::Statement& row) {
  return {integer(row, "run"), text(row, "stage"),  integer(row, "score"), integer(row, "timing"),
          text(row, "kind"),   integer(row, "idx"), real(row, "value")};
}

ComparisonRow read_comparison(SQLite::Statement& row) {
  ComparisonRow comparison;
  comparison.id = integer(row, "id");
  comparison.batch = integer(row, "batch");
  comparison.method = text(row, "method");
  comparison.dataset = text(row, "dataset");
  comparison.metric = text(row, "metric");
  comparison.protocol = text(row, "protocol_name");
  comparison.protocol_id = integer(row, "protocol");
  comparison.arm_a = text(row, "arm_a");
  comparison.arm_b = text(row, "arm_b");
  comparison.params = json(row, "params");
  comparison.params_b = json(row, "params_b");
  comparison.better = better_of(text(row, "better"));
  comparison.difference = real(row, "difference");
  comparison.interval = interval(row, "test");
  comparison.p_value = optional_real(row, "p_value");
  comparison.p_adjusted = optional_real(row, "p_adjusted");
  comparison.seeds = json(row, "seeds").get<std::vector<std::int64_t>>();
  comparison.differences = json(row, "differences").get<std::vector<double>>();
  return comparison;
}

ClaimRow read_claim(SQLite::Statement& row) {
  ClaimRow claim;
  claim.id = integer(row, "id");
  claim.batch = integer(row, "batch");
  claim.name = text(row, "name");
  claim.method = text(row, "method");
  claim.statement = text(row, "statement");
  claim.origin = text(row, "origin");
  claim.verdict = verdict_of(text(row, "verdict"));
  claim.statistic = optional_real(row, "statistic");
  claim.low = optional_real(row, "low");
  claim.high = optional_real(row, "high");
  claim.threshold = text(row, "threshold");
  claim.seeds = json(row, "seeds").get<std::vector<std::int64_t>>();
  claim.note = text(row, "note");
  claim.quantity = json(row, "quantity");
  claim.values = json(row, "seed_values").get<std::vector<double>>();
  return claim;
}

PublishedRow read_published(SQLite::Statement& row) {
  PublishedRow cell;
  cell.id = integer(row, "id");
  cell.batch = integer(row, "batch");
  cell.method = text(row, "method");
  cell.title = text(row, "title");
  cell.source = text(row, "source");
  cell.label = text(row, "label");
  cell.settings = json(row, "settings");
  cell.metric = text(row, "metric");
  cell.better = better_of(text(row, "better"));
  cell.printed = text(row, "printed");
  cell.value = optional_real(row, "value");
  cell.n = integer(row, "n");
  cell.trust = text(row, "trust");
  cell.trust_meaning = text(row, "trust_meaning");
  cell.note = text(row, "note");
  cell.ours = json(row, "ours");
  return cell;
}

ProtocolRow read_protocol(SQLite::Statement& row) {
  return {integer(row, "id"),       text(row, "name"),   text(row, "hash"),
          text(row, "description"), text(row, "origin"), json(row, "choices")};
}

ArtifactRow read_artifact(SQLite::Statement& row) {
  return {integer(row, "id"), integer(row, "run"), text(row, "stage"),    text(row, "name"), text(row, "kind"),
          text(row, "path"),  text(row, "hash"),   integer(row, "bytes"), json(row, "meta")};
}

NoteRow read_note(SQLite::Statement& row) {
  return {integer(row, "id"), integer(row, "batch"), integer(row, "run"),
          text(row, "stage"), text(row, "text"),     text(row, "created_at")};
}

BaselineRow read_baseline(SQLite::Statement& row) {
  return {integer(row, "id"), integer(row, "batch"), text(row, "name"), text(row, "note"), text(row, "accepted_at")};
}

template <class Row, class Bind>
std::vector<Row> collect(const Store& store, const std::string& sql, Bind&& bind, Row (*read)(SQLite::Statement&)) {
  return guarded(store, [&] {
    SQLite::Statement statement(store.database(), sql);
    bind(statement);
    std::vector<Row> rows;
    while (statement.executeStep()) rows.push_back(read(statement));
    return rows;
  });
}

template <class Row>
std::vector<Row> of_runs(const Store& store, const char* select, const char* order, const RunFilter& filter,
                         Row (*read)(SQLite::Statement&)) {
  return collect<Row>(
      store, fmt::format("{} IN {} ORDER BY {}", select, chosen_runs, order),
      [&](SQLite::Statement& statement) { bind_filter(statement, filter); }, read);
}

template <class Row>
std::vector<Row> of_batch(const Store& store, const char* sql, const std::optional<RowId>& batch,
                          Row (*read)(SQLite::Statement&)) {
  return collect<Row>(
      store, sql, [&](SQLite::Statement& statement) { bind_batch(statement, batch); }, read);
}

/// The order of rows of `table`: by run, by stage, and as they were written.
std::string by_stage(const char* table) {
  return fmt::format(
      "{0}.run, (SELECT stage.position FROM stage WHERE stage.run = {0}.run AND stage.name = {0}.stage), {0}.id",
      table);
}

}  // namespace

std::vector<BatchRow> Query::batches() const {
  return collect<BatchRow>(
      store_, "SELECT * FROM batch ORDER BY id", [](SQLite::Statement&) {}, read_batch);
}

std::optional<BatchRow> Query::latest_batch() const {
  const std::vector<BatchRow> rows = collect<BatchRow>(
      store_, "SELECT * FROM batch WHERE id = (SELECT max(batch) FROM run)", [](SQLite::Statement&) {}, read_batch);
  return rows.empty() ? std::nullopt : std::optional<BatchRow>(rows.front());
}

BatchRow Query::batch(RowId id) const {
  std::vector<std::string> known;
  for (BatchRow& row : batches()) {
    if (row.id == id) return row;
    known.push_back(std::to_string(row.id));
  }
  throw InputError(fmt::format("{}: there is no batch {}; known: {}", store_.path().string(), id,
                               known.empty() ? "none" : join(known)));
}

std::vector<RunRow> Query::runs(const RunFilter& filter) const {
  return of_runs<RunRow>(store_, "SELECT * FROM run WHERE id", "id", filter, read_run);
}

RunRow Query::run(RowId id) const {
  RunFilter filter;
  filter.run = id;
  std::vector<RunRow> rows = runs(filter);
  if (rows.empty()) throw InputError(fmt::format("{}: there is no run {}", store_.path().string(), id));
  return rows.front();
}

std::vector<StageRow> Query::stages(const RunFilter& filter) const {
  return of_runs<StageRow>(store_, "SELECT * FROM stage WHERE run", "run, position", filter, read_stage);
}

std::vector<ScoreRow> Query::scores(const RunFilter& filter) const {
  return of_runs<ScoreRow>(store_,
                           "SELECT score.*, protocol.name AS protocol_name FROM score "
                           "JOIN protocol ON protocol.id = score.protocol WHERE run",
                           by_stage("score").c_str(), filter, read_score);
}

std::vector<ArtifactRow> Query::artifacts(const RunFilter& filter) const {
  return of_runs<ArtifactRow>(store_, "SELECT * FROM artifact WHERE run", by_stage("artifact").c_str(), filter,
                              read_artifact);
}

std::vector<TimingRow> Query::timings(const RunFilter& filter) const {
  return of_runs<TimingRow>(store_, "SELECT * FROM timing WHERE run", by_stage("timing").c_str(), filter, read_timing);
}

std::vector<TimingRow> Query::loose_timings(std::optional<RowId> batch) const {
  return of_batch<TimingRow>(
      store_, "SELECT * FROM timing WHERE run IS NULL AND (?1 IS NULL OR batch = ?1) ORDER BY id", batch, read_timing);
}

std::vector<NoteRow> Query::notes(const RunFilter& filter) const {
  return of_runs<NoteRow>(store_, "SELECT * FROM note WHERE run", "id", filter, read_note);
}

std::vector<NoteRow> Query::batch_notes(std::optional<RowId> batch) const {
  return of_batch<NoteRow>(store_, "SELECT * FROM note WHERE run IS NULL AND (?1 IS NULL OR batch = ?1) ORDER BY id",
                           batch, read_note);
}

std::vector<SampleRow> Query::samples_of_score(RowId score) const {
  return collect<SampleRow>(
      store_, "SELECT * FROM sample WHERE score = ? ORDER BY idx",
      [&](SQLite::Statement& statement) { statement.bind(1, score); }, read_sample);
}

std::vector<SampleRow> Query::samples_of_timing(RowId timing) const {
  return collect<SampleRow>(
      store_, "SELECT * FROM sample WHERE timing = ? ORDER BY idx",
      [&](SQLite::Statement& statement) { statement.bind(1, timing); }, read_sample);
}

std::vector<CurveRow> Query::curves(const RunFilter& filter) const {
  const std::vector<SampleRow> rows =
      of_runs<SampleRow>(store_, "SELECT * FROM sample WHERE score IS NULL AND timing IS NULL AND run",
                         by_stage("sample").c_str(), filter, read_sample);
  // Of each curve the steps were written first.
  std::vector<CurveRow> curves;
  std::vector<std::int64_t> steps;
  for (const SampleRow& row : rows) {
    const bool goes_on = row.idx > 0;
    if (row.kind.ends_with(steps_of_curve(""))) {
      if (!goes_on) steps.clear();
      steps.push_back(static_cast<std::int64_t>(row.value));
    } else {
      if (!goes_on || curves.empty()) curves.push_back({row.run, row.stage, row.kind, steps, {}});
      curves.back().values.push_back(row.value);
    }
  }
  std::erase_if(curves, [](const CurveRow& curve) { return curve.steps.size() != curve.values.size(); });
  return curves;
}

std::vector<ComparisonRow> Query::comparisons(std::optional<RowId> batch) const {
  return of_batch<ComparisonRow>(store_,
                                 "SELECT comparison.*, protocol.name AS protocol_name FROM comparison "
                                 "JOIN protocol ON protocol.id = comparison.protocol "
                                 "WHERE ?1 IS NULL OR batch = ?1 ORDER BY comparison.id",
                                 batch, read_comparison);
}

std::vector<ClaimRow> Query::claims(std::optional<RowId> batch) const {
  return of_batch<ClaimRow>(store_, "SELECT * FROM claim WHERE ?1 IS NULL OR batch = ?1 ORDER BY id", batch,
                            read_claim);
}

std::vector<PublishedRow> Query::published(std::optional<RowId> batch) const {
  return of_batch<PublishedRow>(store_, "SELECT * FROM published WHERE ?1 IS NULL OR batch = ?1 ORDER BY id", batch,
                                read_published);
}

std::vector<ProtocolRow> Query::protocols() const {
  return collect<ProtocolRow>(
      store_, "SELECT * FROM protocol ORDER BY name, id", [](SQLite::Statement&) {}, read_protocol);
}

std::vector<BaselineRow> Query::baselines() const {
  return collect<BaselineRow>(
      store_, "SELECT * FROM baseline ORDER BY id", [](SQLite::Statement&) {}, read_baseline);
}

}  // namespace assay
