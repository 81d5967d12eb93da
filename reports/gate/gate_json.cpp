#include "reports/gate/gate_json.h"

namespace assay {
namespace {

template <class T>
nlohmann::json or_null(const std::optional<T>& value) {
  return value ? nlohmann::json(*value) : nlohmann::json();
}

nlohmann::json changes_json(const std::vector<EnvironmentChange>& changes) {
  nlohmann::json list = nlohmann::json::array();
  for (const EnvironmentChange& change : changes)
    list.push_back({{"what", change.what}, {"before", change.before}, {"after", change.after}});
  return list;
}

nlohmann::json batches_json(const std::vector<GateBatch>& batches) {
  nlohmann::json list = nlohmann::json::array();
  for (const GateBatch& batch : batches)
    list.push_back(
        {{"batch", batch.id}, {"created_at", batch.created_at}, {"command", batch.command}, {"name", batch.name}});
  return list;
}

nlohmann::json not_compared_json(const std::vector<NotCompared>& all) {
  nlohmann::json list = nlohmann::json::array();
  for (const NotCompared& one : all) list.push_back({{"series", one.label}, {"why", one.why}});
  return list;
}

nlohmann::json series_json(const JudgedSeries& one) {
  const Judgement& judgement = one.judgement;
  nlohmann::json steps = nlohmann::json::array();
  for (std::size_t i = 0; i < judgement.steps.size(); ++i) {
    const GateStep& step = judgement.steps[i];
    steps.push_back({{"batch", step.batch},
                     {"run", step.run == 0 ? nlohmann::json() : nlohmann::json(step.run)},
                     {"before", step.before},
                     {"change", step.change},
                     {"environment", changes_json(one.step_changes[i])}});
  }
  const bool has = judgement.interval.has_value();
  return {{"kind", one.series.kind == SeriesKind::quality ? "quality" : "speed"},
          {"series", one.series.label()},
          {"unit", one.series.unit},
          {"finding", name_of(judgement.finding)},
          {"batch", one.batch},
          {"baseline", one.baseline},
          {"before", judgement.before},
          {"after", judgement.after},
          {"change", judgement.change},
          {"low", has ? nlohmann::json(judgement.interval->low) : nlohmann::json()},
          {"high", has ? nlohmann::json(judgement.interval->high) : nlohmann::json()},
          {"test", has ? judgement.interval->method : ""},
          {"p", or_null(judgement.p_value)},
          {"p_adjusted", or_null(judgement.p_adjusted)},
          {"least", judgement.least},
          {"nights", judgement.nights},
          {"note", judgement.note},
          {"steps", std::move(steps)}};
}

}  // namespace

nlohmann::json gate_json(const GateResult& result) {
  nlohmann::json series = nlohmann::json::array();
  for (const JudgedSeries& one : result.judged) series.push_back(series_json(one));
  nlohmann::json failed = nlohmann::json::array();
  for (const FailedRun& run : result.failed)
    failed.push_back({{"run", run.run}, {"what", run.what}, {"status", run.status}, {"reason", run.reason}});
  return {{"regressed", result.regressed()},
          {"batches", batches_json(result.batches)},
          {"baselines", batches_json(result.baselines)},
          {"environment", changes_json(result.environment)},
          {"series", std::move(series)},
          {"missing", not_compared_json(result.missing)},
          {"new", not_compared_json(result.fresh)},
          {"without_direction", not_compared_json(result.without_direction)},
          {"unfinished", std::move(failed)},
          {"notes", result.notes}};
}

}  // namespace assay
