#include "bench/harness/batch_json.h"

#include <optional>

namespace assay {
namespace {

/// Null for what is absent.
template <class T>
nlohmann::json or_null(const std::optional<T>& value) {
  return value ? nlohmann::json(*value) : nlohmann::json();
}

nlohmann::json low_of(const std::optional<ScoreInterval>& interval) {
  return interval ? nlohmann::json(interval->low) : nlohmann::json();
}

nlohmann::json high_of(const std::optional<ScoreInterval>& interval) {
  return interval ? nlohmann::json(interval->high) : nlohmann::json();
}

nlohmann::json score_json(const ScoreRow& score) {
  return {{"arm", score.arm},
          {"name", score.name},
          {"value", score.value},
          {"unit", score.unit},
          {"n", score.n},
          {"low", low_of(score.interval)},
          {"high", high_of(score.interval)},
          {"protocol", score.protocol},
          {"params", score.params}};
}

nlohmann::json artifact_json(const ArtifactRow& artifact) {
  return {{"name", artifact.name}, {"kind", artifact.kind}, {"path", artifact.path}, {"hash", artifact.hash}};
}

nlohmann::json comparison_json(const ComparisonRow& row) {
  return {{"method", row.method},
          {"metric", row.metric},
          {"protocol", row.protocol},
          {"arm_a", row.arm_a},
          {"arm_b", row.arm_b},
          {"params", row.params},
          {"params_b", row.params_b},
          {"difference", row.difference},
          {"low", low_of(row.interval)},
          {"high", high_of(row.interval)},
          {"interval", row.interval ? nlohmann::json(row.interval->method) : nlohmann::json()},
          {"p", or_null(row.p_value)},
          {"p_adjusted", or_null(row.p_adjusted)},
          {"seeds", row.seeds},
          {"differences", row.differences}};
}

nlohmann::json run_json(const RunResult& result) {
  nlohmann::json scores = nlohmann::json::array(), claims = nlohmann::json::array(),
                 artifacts = nlohmann::json::array(), notes = nlohmann::json::array();
  for (const ScoreRow& score : result.scores) scores.push_back(score_json(score));
  for (const ClaimRow& claim : result.claims) claims.push_back(claim_json(claim));
  for (const ArtifactRow& artifact : result.artifacts) artifacts.push_back(artifact_json(artifact));
  for (const NoteRow& note : result.notes) notes.push_back(note.text);
  const RunRow& run = result.run;
  return {{"id", run.id},
          {"method", run.method},
          {"tier", run.tier},
          {"dataset", run.dataset.empty() ? nlohmann::json() : nlohmann::json(run.dataset)},
          {"seed", run.seed},
          {"status", name_of(run.status)},
          {"reason", run.reason},
          {"scores", std::move(scores)},
          {"claims", std::move(claims)},
          {"artifacts", std::move(artifacts)},
          {"notes", std::move(notes)}};
}

}  // namespace

nlohmann::json batch_json(const BatchResult& result) {
  nlohmann::json runs = nlohmann::json::array(), comparisons = nlohmann::json::array();
  for (const RunResult& run : result.runs) runs.push_back(run_json(run));
  for (const ComparisonRow& row : result.comparisons) comparisons.push_back(comparison_json(row));
  return {{"batch", result.batch}, {"runs", std::move(runs)}, {"comparisons", std::move(comparisons)}};
}

nlohmann::json claim_json(const ClaimRow& claim) {
  return {{"id", claim.name},
          {"method", claim.method},
          {"statement", claim.statement},
          {"origin", claim.origin},
          {"verdict", name_of(claim.verdict)},
          {"statistic", or_null(claim.statistic)},
          {"low", or_null(claim.low)},
          {"high", or_null(claim.high)},
          {"threshold", claim.threshold},
          {"seeds", claim.seeds}};
}

}  // namespace assay
