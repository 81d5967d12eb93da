#include "bench/harness/verdicts.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "metrics/bootstrap.h"

namespace assay {
namespace {

bool has_params(const nlohmann::json& params, const nlohmann::json& wanted) {
  for (const auto& [key, value] : wanted.items())
    if (!params.contains(key) || params.at(key) != value) return false;
  return true;
}

const ScoreRow* find(const std::vector<ScoreRow>& scores, RowId run, const std::string& metric, const std::string& arm,
                     const nlohmann::json& params) {
  for (const ScoreRow& score : scores)
    if (score.run == run && score.name == metric && score.arm == arm && has_params(score.params, params)) return &score;
  return nullptr;
}

}  // namespace

std::vector<ComparisonRow> judge_contrasts(const Query& query, RowId batch, const std::string& method,
                                           const std::string& dataset, const MethodPlan& plan) {
  RunFilter filter;
  filter.batch = batch;
  filter.method = method;
  filter.status = RunStatus::done;
  const std::vector<RunRow> runs = query.runs(filter);
  const std::vector<ScoreRow> scores = query.scores(filter);

  std::vector<ComparisonRow> comparisons;
  for (const Contrast& contrast : plan.contrasts) {
    ComparisonRow row;
    row.batch = batch;
    row.method = method;
    row.dataset = dataset;
    row.metric = contrast.metric;
    row.protocol = contrast.protocol;
    row.arm_a = contrast.arm_a;
    row.arm_b = contrast.arm_b;
    row.params = contrast.params_a;
    std::vector<double> a, b;
    RowId last_run = 0;
    for (const RunRow& run : runs) {
      const ScoreRow* left = find(scores, run.id, contrast.metric, contrast.arm_a, contrast.params_a);
      const ScoreRow* right = find(scores, run.id, contrast.metric, contrast.arm_b, contrast.params_b);
      if (!left || !right) continue;
      row.better = left->better;
      row.protocol_id = left->protocol_id;
      last_run = run.id;
      a.push_back(left->value);
      b.push_back(right->value);
      row.seeds.push_back(run.seed);
      row.differences.push_back(left->value - right->value);
    }
    if (a.empty()) continue;
    if (a.size() >= 2) {
      const PairedDifference paired = paired_difference(a, b);
      row.difference = paired.mean;
      row.interval = IntervalRow{paired.interval.low, paired.interval.high, 0.95,
                                 fmt::format("paired Student t over {} seeds", a.size())};
      row.p_value = paired.p_value;
    } else {
      row.difference = a[0] - b[0];
      const ScoreRow* own = find(scores, last_run, contrast.metric + " difference",
                                 contrast.arm_a + " - " + contrast.arm_b, contrast.params_a);
      if (own) row.interval = own->interval;
    }
    comparisons.push_back(std::move(row));
  }

  // Holm over the contrasts of one metric.
  std::map<std::string, std::vector<ComparisonRow*>> families;
  for (ComparisonRow& row : comparisons)
    if (row.p_value) families[row.metric].push_back(&row);
  for (const auto& [metric, rows] : families) {
    std::vector<double> p;
    for (const ComparisonRow* row : rows) p.push_back(*row->p_value);
    const std::vector<double> adjusted = holm(p);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      rows[i]->p_adjusted = adjusted[i];
      rows[i]->interval->method += fmt::format("; p by Holm over {}", rows.size());
    }
  }
  return comparisons;
}

std::vector<ClaimRow> judge_claims(RowId batch, const std::string& method, const MethodPlan& plan,
                                   const std::vector<ComparisonRow>& comparisons) {
  std::vector<ClaimRow> claims;
  for (const ClaimRule& rule : plan.claims) {
    const Contrast& contrast = plan.contrasts.at(rule.contrast);
    ClaimRow claim;
    claim.batch = batch;
    claim.name = rule.id;
    claim.method = method;
    claim.statement = rule.statement;
    claim.origin = rule.origin;
    claim.threshold = fmt::format("the 95 % interval of {} - {} lies {} 0", contrast.arm_a, contrast.arm_b,
                                  rule.claimed_negative ? "below" : "above");
    const auto row = std::find_if(comparisons.begin(), comparisons.end(), [&](const ComparisonRow& c) {
      return c.metric == contrast.metric && c.arm_a == contrast.arm_a && c.arm_b == contrast.arm_b &&
             c.params == contrast.params_a;
    });
    if (row != comparisons.end()) {
      claim.seeds = row->seeds;
      claim.statistic = row->difference;
      claim.verdict = Verdict::inconclusive;
      if (row->interval) {
        claim.low = row->interval->low;
        claim.high = row->interval->high;
        const bool below = row->interval->high<0, above = row->interval->low> 0;
        if (below || above) claim.verdict = below == rule.claimed_negative ? Verdict::supported : Verdict::contradicted;
        claim.note = row->interval->method;
      }
      if (row->seeds.size() == 1) claim.note = "one seed: the interval is over samples, not over trainings";
    }
    claims.push_back(std::move(claim));
  }
  return claims;
}

}  // namespace assay
