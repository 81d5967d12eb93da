#include "reports/gate/gate.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

#include "core/error.h"
#include "core/nearest.h"
#include "core/phrases.h"

namespace assay {
namespace {

/// A store as the gate reads it.
struct Records {
  std::vector<BatchRow> batches;
  std::vector<RunRow> runs;
  std::vector<BaselineRow> accepted;
  History history;

  explicit Records(const Store& store) {
    const Query query(store);
    batches = query.batches();
    runs = query.runs();
    accepted = query.baselines();
    history = read_history(store);
  }
  const BatchRow& batch(RowId id) const {
    return *std::find_if(batches.begin(), batches.end(), [&](const BatchRow& row) { return row.id == id; });
  }
  RowId newest(const Store& store) const {
    std::map<RowId, RowId> batch_of;
    for (const RunRow& run : runs) batch_of[run.id] = run.batch;
    std::set<RowId> with_values;
    for (const ScorePoint& point : history.scores) with_values.insert(batch_of.at(point.run));
    for (const TimingPoint& point : history.timings) with_values.insert(point.batch);
    for (const RunRow& run : runs)
      if (run.status == RunStatus::done) with_values.insert(run.batch);
    const BatchRow* newest = nullptr;
    for (const BatchRow& row : batches)
      if (with_values.contains(row.id) && (newest == nullptr || row.created_at >= newest->created_at)) newest = &row;
    if (newest == nullptr)
      throw InputError(fmt::format("{}: holds no finished run and no timing to judge", store.path().string()));
    return newest->id;
  }
};

std::optional<RowId> number_of(const std::string& text) {
  RowId id = 0;
  const auto [stop, fault] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (fault != std::errc() || stop != text.data() + text.size()) return std::nullopt;
  return id;
}

/// The baselines that may be compared with, the last accepted one first.
std::vector<GateBatch> choose_baselines(const Store& store, const Records& records, const GateRequest& request) {
  std::vector<GateBatch> chosen;
  const auto add = [&](RowId id, const std::string& name) {
    const BatchRow& row = records.batch(id);
    chosen.push_back({id, row.created_at, row.command, name});
  };
  if (request.baseline) {
    if (const std::optional<RowId> id = number_of(*request.baseline)) {
      Query(store).batch(*id);
      add(*id, "");
      return chosen;
    }
  }
  for (auto row = records.accepted.rbegin(); row != records.accepted.rend(); ++row)
    if (!request.baseline || row->name == *request.baseline) add(row->batch, row->name);
  if (request.baseline && chosen.empty()) {
    std::vector<std::string> names;
    for (const BaselineRow& row : records.accepted)
      if (std::find(names.begin(), names.end(), row.name) == names.end()) names.push_back(row.name);
    throw InputError("--baseline: " + (names.empty()
                                           ? fmt::format("none is accepted in {}; `assay baseline accept` accepts one",
                                                         store.path().string())
                                           : unknown_name_message("baseline", *request.baseline, names)));
  }
  return chosen;
}

Environment joined(const std::map<RowId, Environment>& all, const std::vector<GateBatch>& batches) {
  std::map<std::string, std::set<std::string>> values;
  for (const GateBatch& batch : batches)
    if (const auto found = all.find(batch.id); found != all.end())
      for (const auto& [what, value] : found->second) values[what].insert(value);
  Environment environment;
  for (const auto& [what, texts] : values) {
    std::string& text = environment[what];
    for (const std::string& value : texts) text += (text.empty() ? "" : " and ") + value;
  }
  return environment;
}

/// What stands on one side alone, with the reason where the other side has the same under another setting.
std::vector<NotCompared> unmatched(const std::vector<const GateSeries*>& here,
                                   const std::vector<const GateSeries*>& there, bool here_is_older,
                                   const char* otherwise) {
  std::map<std::string, const GateSeries*> by_label;
  for (const GateSeries* const series : there) by_label.emplace(series->label(), series);
  std::vector<NotCompared> all;
  for (const GateSeries* const series : here) {
    std::string why = otherwise;
    if (const auto found = by_label.find(series->label()); found != by_label.end())
      why = "another setting: " + in_words(here_is_older ? setting_changes(*series, *found->second)
                                                         : setting_changes(*found->second, *series));
    all.push_back({series->label(), why});
  }
  return all;
}

int rank_of(Finding finding) {
  switch (finding) {
    case Finding::regressed:
      return 0;
    case Finding::improved:
      return 1;
    case Finding::undecided:
      return 2;
    case Finding::unchanged:
      return 3;
  }
  throw Error("unknown finding");
}

std::string why_failed(const RunRow& run) {
  return run.status == RunStatus::running ? "no end recorded: still running, or killed" : run.reason;
}

}  // namespace

std::size_t GateResult::compared_with_itself() const {
  return static_cast<std::size_t>(
      std::count_if(judged.begin(), judged.end(), [](const JudgedSeries& one) { return one.baseline == one.batch; }));
}

std::size_t GateResult::count(Finding finding) const {
  return static_cast<std::size_t>(std::count_if(
      judged.begin(), judged.end(), [&](const JudgedSeries& one) { return one.judgement.finding == finding; }));
}

bool GateResult::regressed() const {
  return count(Finding::regressed) > 0 || (strict && !baselines.empty() && !(missing.empty() && failed.empty()));
}

RowId newest_batch(const Store& store) { return Records(store).newest(store); }

GateResult run_gate(const Store& store, const GateRequest& request) {
  const Records records(store);
  GateResult result;
  result.limits = request.limits;
  result.strict = request.strict;
  std::vector<RowId> judged_batches = request.batches;
  for (const RowId id : judged_batches) Query(store).batch(id);
  if (judged_batches.empty()) judged_batches.push_back(records.newest(store));
  for (const RowId id : judged_batches) {
    const BatchRow& row = records.batch(id);
    result.batches.push_back({id, row.created_at, row.command, ""});
  }
  const std::vector<GateBatch> candidates = choose_baselines(store, records, request);
  for (const RunRow& run : records.runs)
    if (run.status != RunStatus::done &&
        std::find(judged_batches.begin(), judged_batches.end(), run.batch) != judged_batches.end())
      result.failed.push_back({run.id,
                               fmt::format("{} {}{}{}, seed {}", run.method, run.tier, run.dataset.empty() ? "" : " ",
                                           run.dataset, run.seed),
                               name_of(run.status), why_failed(run)});

  std::vector<GateSeries> all = read_series(records.history, records.batches, records.runs, judged_batches);
  // Of each series its batch among those that are judged, and its baseline.
  struct Pair {
    GateSeries* series;
    RowId baseline, batch;
  };
  std::vector<Pair> pairs;
  std::vector<const GateSeries*> fresh;
  std::set<RowId> used;
  for (GateSeries& series : all) {
    const auto batch =
        std::find_if(judged_batches.begin(), judged_batches.end(), [&](RowId id) { return series.night_of(id) >= 0; });
    if (batch == judged_batches.end()) continue;
    if (series.better == Better::unstated) {
      result.without_direction.push_back({series.label(), "neither way is better"});
      continue;
    }
    const auto baseline = std::find_if(candidates.begin(), candidates.end(),
                                       [&](const GateBatch& candidate) { return series.night_of(candidate.id) >= 0; });
    if (baseline == candidates.end()) {
      fresh.push_back(&series);
      continue;
    }
    used.insert(baseline->id);
    pairs.push_back({&series, baseline->id, *batch});
  }
  if (used.empty() && !candidates.empty()) used.insert(candidates.front().id);
  for (const GateBatch& candidate : candidates)
    if (used.erase(candidate.id) > 0) result.baselines.push_back(candidate);

  std::vector<const GateSeries*> missing;
  for (const GateSeries& series : all) {
    const bool here =
        std::any_of(judged_batches.begin(), judged_batches.end(), [&](RowId id) { return series.night_of(id) >= 0; });
    const bool there = std::any_of(result.baselines.begin(), result.baselines.end(),
                                   [&](const GateBatch& batch) { return series.night_of(batch.id) >= 0; });
    if (there && !here && series.better != Better::unstated) missing.push_back(&series);
  }
  result.missing = unmatched(missing, fresh, true, "not recorded this time");
  result.fresh = unmatched(fresh, missing, false, "no baseline has it");

  const std::map<RowId, Environment> environment = environments(records.batches, records.runs, records.history);
  if (!result.baselines.empty())
    result.environment = changes_between(joined(environment, result.baselines), joined(environment, result.batches));
  for (const GateBatch& batch : result.batches)
    if (const auto found = environment.find(batch.id); found != environment.end())
      if (const auto code = found->second.find("code");
          code != found->second.end() && code->second.find(" and ") != std::string::npos)
        result.notes.push_back(
            fmt::format("batch {} was made by two versions of the code: {}", batch.id, code->second));

  result.judged.reserve(pairs.size());
  for (const Pair& pair : pairs) {
    JudgedSeries one{std::move(*pair.series), {}, pair.baseline, pair.batch, {}};
    one.judgement = judge(one.series, pair.baseline, pair.batch, pairs.size(), request.limits);
    for (const GateStep& step : one.judgement.steps) {
      const auto before = environment.find(step.before), after = environment.find(step.batch);
      one.step_changes.push_back(changes_between(before == environment.end() ? Environment{} : before->second,
                                                 after == environment.end() ? Environment{} : after->second));
    }
    result.judged.push_back(std::move(one));
  }
  std::vector<std::pair<const GateSeries*, Judgement*>> direct;
  direct.reserve(result.judged.size());
  for (JudgedSeries& one : result.judged) direct.emplace_back(&one.series, &one.judgement);
  judge_direct(direct, request.limits);
  std::stable_sort(result.judged.begin(), result.judged.end(), [](const JudgedSeries& a, const JudgedSeries& b) {
    return rank_of(a.judgement.finding) < rank_of(b.judgement.finding);
  });
  if (const std::size_t itself = result.compared_with_itself(); itself > 0)
    result.notes.push_back(counted(static_cast<std::int64_t>(itself), "series was compared with itself",
                                   "series were compared with themselves") +
                           ", which can show no change: the batch is its own baseline");
  if (result.judged.empty() && !candidates.empty())
    result.notes.emplace_back("nothing could be compared, so nothing is said to be unchanged either");
  return result;
}

}  // namespace assay
