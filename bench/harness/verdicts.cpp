#include "bench/harness/verdicts.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "core/nearest.h"
#include "metrics/statistics/bootstrap.h"

namespace assay {
namespace {

bool has_params(const nlohmann::json& params, const nlohmann::json& wanted) {
  for (const auto& [key, value] : wanted.items())
    if (!params.contains(key) || params.at(key) != value) return false;
  return true;
}

/// The score of a run that a name, a protocol and a selector choose: the one whose params are just those wanted, else
/// the only one that has them among its params.
struct Found {
  const ScoreRow* score = nullptr;
  int matches = 0;  // above 1: the params do not tell them apart
};

Found find(const std::vector<ScoreRow>& scores, RowId run, const std::string& name, const std::string& protocol,
           const std::string& arm, const nlohmann::json& params) {
  Found found;
  for (const ScoreRow& score : scores) {
    if (score.run != run || score.name != name || score.protocol != protocol || score.arm != arm) continue;
    if (!has_params(score.params, params)) continue;
    if (score.params.size() == params.size()) return {&score, 1};
    found.score = &score;
    ++found.matches;
  }
  if (found.matches > 1) found.score = nullptr;
  return found;
}

/// "5 seeds", and what they leave alone: runs with the key `pretrained` sampled one network, and trained none.
std::string seeds_in_words(const FinishedRuns& finished, std::size_t seeds) {
  const nlohmann::json& config = finished.runs.front().config;
  const std::string network = config.is_object() ? config.value("pretrained", "") : "";
  return fmt::format("{} seeds{}", seeds,
                     network.empty() ? "" : fmt::format(" of samples from one trained network, {}", network));
}

/// What decides a claim: a value, and its interval where there is one.
struct Evidence {
  double value = 0;
  std::optional<ScoreInterval> interval;
  std::vector<std::int64_t> seeds;
  std::vector<double> values;  // one a seed
  bool one_value = false;      // several seeds, and all gave this value
};

std::optional<Evidence> evidence_of_score(const FinishedRuns& finished, const Quantity& quantity) {
  Evidence evidence;
  std::vector<double> values;
  for (const RunRow& run : finished.runs) {
    const ScoreRow* score =
        find(finished.scores, run.id, quantity.score, quantity.protocol, quantity.of.arm, quantity.of.params).score;
    if (!score) continue;
    if (values.empty()) evidence.interval = score->interval;
    values.push_back(score->value);
    evidence.seeds.push_back(run.seed);
  }
  if (values.empty()) return std::nullopt;
  const bool equal = std::all_of(values.begin(), values.end(), [&](double value) { return value == values[0]; });
  evidence.value = values[0];
  evidence.values = values;
  evidence.one_value = equal && values.size() > 1;
  if (!equal) {
    const PairedDifference spread = paired_difference(values, std::vector<double>(values.size(), 0.0));
    evidence.value = spread.mean;
    evidence.interval = spread.interval;
    evidence.interval->method = fmt::format("Student t over {}", seeds_in_words(finished, values.size()));
  }
  return evidence;
}

/// Of rows that are about the same two arms, the one whose params are just those of the quantity, else the only one
/// that has them among its params.
template <class Row>
const Row* matching(const std::vector<Row>& rows, const Quantity& q, nlohmann::json Row::*params_a) {
  const Row* found = nullptr;
  int matches = 0;
  for (const Row& row : rows) {
    if (row.metric != q.score || row.protocol != q.protocol || row.arm_a != q.of.arm || row.arm_b != q.minus->arm ||
        !has_params(row.*params_a, q.of.params) || !has_params(row.params_b, q.minus->params))
      continue;
    if ((row.*params_a).size() == q.of.params.size() && row.params_b.size() == q.minus->params.size()) return &row;
    found = &row;
    ++matches;
  }
  return matches == 1 ? found : nullptr;
}

std::optional<Evidence> evidence_of_difference(const std::vector<ComparisonRow>& comparisons, const Quantity& q) {
  const ComparisonRow* row = matching(comparisons, q, &ComparisonRow::params);
  if (!row) return std::nullopt;
  return Evidence{row->difference, row->interval, row->seeds, row->differences, false};
}

/// Of the scores that a quantity asks for, how many a run has where the params do not tell them apart; else 0.
int ambiguous(const FinishedRuns& finished, const Quantity& q) {
  for (const RunRow& run : finished.runs)
    for (const ScoreSelector* selector : {&q.of, q.minus ? &*q.minus : &q.of}) {
      const Found found = find(finished.scores, run.id, q.score, q.protocol, selector->arm, selector->params);
      if (found.matches > 1) return found.matches;
    }
  return 0;
}

/// Why there is nothing to judge by: which side of a quantity no finished run has, or that no run has both.
std::string why_not_judged(const FinishedRuns& finished, const Quantity& q) {
  const auto recorded = [&](const ScoreSelector& side) {
    return std::any_of(finished.runs.begin(), finished.runs.end(), [&](const RunRow& run) {
      return find(finished.scores, run.id, q.score, q.protocol, side.arm, side.params).score != nullptr;
    });
  };
  std::vector<std::string> missing;
  for (const ScoreSelector* side : {&q.of, q.minus ? &*q.minus : nullptr})
    if (side && !recorded(*side))
      missing.push_back(side->params.empty() ? side->arm : fmt::format("{} {}", side->arm, side->params.dump()));
  if (missing.empty()) return fmt::format("no seed has {} of both arms", q.score);
  return fmt::format("no finished run recorded {} of {} under protocol {}", q.score, join(missing, " or of "),
                     q.protocol);
}

std::string threshold_text(const Claim& claim) {
  const Quantity& q = claim.quantity;
  // Of an arm with itself, the params say which scores are meant.
  const bool itself = q.minus && q.minus->arm == q.of.arm;
  const auto name = [&](const ScoreSelector& selector) {
    return itself ? fmt::format("{} {}", selector.arm, selector.params.dump()) : selector.arm;
  };
  const std::string what =
      fmt::format("{} of {}{}", q.score, name(q.of), q.minus ? fmt::format(" - {}", name(*q.minus)) : "");
  if (claim.rule.kind == ClaimRule::Kind::report) return fmt::format("{}: {}", what, in_words(claim.rule));
  return fmt::format("the {} of {} lies {}", q.exact ? "value" : "95 % interval", what, in_words(claim.rule));
}

/// What a row keeps of it, so that its values are found again.
nlohmann::json key_of(const Claim& claim) {
  const Quantity& q = claim.quantity;
  nlohmann::json key = {{"score", q.score}, {"protocol", q.protocol}, {"arm", q.of.arm}, {"params", q.of.params}};
  if (q.minus) key["minus"] = {{"arm", q.minus->arm}, {"params", q.minus->params}};
  key["bounds"] = nlohmann::json::array();
  if (claim.rule.kind != ClaimRule::Kind::report) key["bounds"].push_back(claim.rule.bound);
  if (claim.rule.kind == ClaimRule::Kind::within) key["bounds"].push_back(claim.rule.upper);
  return key;
}

std::string joined(const std::string& first, const std::string& second) {
  return first.empty() ? second : second.empty() ? first : first + "; " + second;
}

/// Verdict, statistic, interval and what is to be said about them.
void decide(ClaimRow& row, const Claim& claim, const Evidence& evidence) {
  row.statistic = evidence.value;
  row.seeds = evidence.seeds;
  row.values = evidence.values;
  row.verdict = Verdict::inconclusive;
  std::string how;
  if (evidence.interval) {
    row.low = evidence.interval->low;
    row.high = evidence.interval->high;
    row.verdict = verdict_of(claim.rule, *row.low, *row.high);
    how = evidence.seeds.size() == 1 ? "one seed: the interval is over samples, not over trainings"
                                     : evidence.interval->method;
  } else if (claim.quantity.exact || evidence.one_value) {
    row.verdict = verdict_of(claim.rule, evidence.value, evidence.value);
    how = evidence.one_value ? "every seed gave this value" : "one value without sampling error";
  } else {
    how = "one seed, and its value has no interval";
  }
  if (claim.rule.kind == ClaimRule::Kind::report) how = joined("reported only: no threshold is claimed", how);
  row.note = joined(claim.note, how);
}

/// A contrast over the finished runs, without Holm's adjustment; none where a side has no score.
std::optional<ComparisonRow> compared(const FinishedRuns& finished, const Contrast& contrast) {
  ComparisonRow row;
  row.batch = finished.batch;
  row.method = finished.method;
  row.metric = contrast.metric;
  row.protocol = contrast.protocol;
  row.arm_a = contrast.arm_a;
  row.arm_b = contrast.arm_b;
  row.params = contrast.params_a;
  row.params_b = contrast.params_b;
  std::vector<double> a, b;
  RowId last_run = 0;
  const auto score_of = [&](RowId run, const std::string& name, const std::string& arm, const nlohmann::json& params) {
    return find(finished.scores, run, name, contrast.protocol, arm, params).score;
  };
  for (const RunRow& run : finished.runs) {
    const ScoreRow* left = score_of(run.id, contrast.metric, contrast.arm_a, contrast.params_a);
    const ScoreRow* right = score_of(run.id, contrast.metric, contrast.arm_b, contrast.params_b);
    if (!left || !right) continue;
    row.dataset = run.dataset;
    row.better = left->better;
    row.protocol_id = left->protocol_id;
    last_run = run.id;
    a.push_back(left->value);
    b.push_back(right->value);
    row.seeds.push_back(run.seed);
    row.differences.push_back(left->value - right->value);
  }
  if (a.empty()) return std::nullopt;
  // One difference in every seed has no seed in it: its spread is that of the samples, where that is recorded.
  const bool equal =
      std::all_of(row.differences.begin(), row.differences.end(), [&](double d) { return d == row.differences[0]; });
  const ScoreRow* own = !equal ? nullptr
                               : score_of(last_run, contrast.metric + " difference",
                                          contrast.arm_a + " - " + contrast.arm_b, contrast.params_a);
  if (a.size() >= 2 && !own) {
    const PairedDifference paired = paired_difference(a, b);
    row.difference = paired.mean;
    row.interval = paired.interval;
    row.interval->method = fmt::format("paired Student t over {}", seeds_in_words(finished, a.size()));
    row.p_value = paired.p_value;
  } else {
    row.difference = a[0] - b[0];
    if (own) row.interval = own->interval;
  }
  return row;
}

/// Holm over the contrasts of one metric.
void adjust_p_values(std::vector<ComparisonRow>& comparisons) {
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
}

ClaimRow judged(const FinishedRuns& finished, const Claim& claim, const std::vector<ComparisonRow>& comparisons) {
  ClaimRow row = not_run(claim, finished.method);
  row.batch = finished.batch;
  if (!claim.absent.empty()) return row;
  const std::optional<Evidence> evidence = claim.quantity.minus ? evidence_of_difference(comparisons, claim.quantity)
                                                                : evidence_of_score(finished, claim.quantity);
  if (evidence)
    decide(row, claim, *evidence);
  else if (const int matches = ambiguous(finished, claim.quantity); matches > 1)
    row.note = joined(claim.note, fmt::format("{} scores of a run match; the claim's params must choose one", matches));
  else
    row.note = joined(claim.note, why_not_judged(finished, claim.quantity));
  return row;
}

}  // namespace

std::vector<Contrast> contrasts_of(const MethodPlan& plan, const std::vector<Claim>& claims) {
  std::vector<Contrast> contrasts = plan.contrasts;
  for (const Claim& claim : claims) {
    const Quantity& q = claim.quantity;
    if (!q.minus || !claim.absent.empty()) continue;
    if (!matching(contrasts, q, &Contrast::params_a))
      contrasts.push_back({q.score, q.protocol, q.of.arm, q.minus->arm, q.of.params, q.minus->params});
  }
  return contrasts;
}

Verdict verdict_of(const ClaimRule& rule, double low, double high) {
  bool inside = false, outside = false;
  switch (rule.kind) {
    case ClaimRule::Kind::below:
      inside = high < rule.bound;
      outside = low > rule.bound;
      break;
    case ClaimRule::Kind::above:
      inside = low > rule.bound;
      outside = high < rule.bound;
      break;
    case ClaimRule::Kind::at_least:
      inside = low >= rule.bound;
      outside = high < rule.bound;
      break;
    case ClaimRule::Kind::at_most:
      inside = high <= rule.bound;
      outside = low > rule.bound;
      break;
    case ClaimRule::Kind::within:
      inside = low >= rule.bound && high <= rule.upper;
      outside = high < rule.bound || low > rule.upper;
      break;
    case ClaimRule::Kind::report:
      break;
  }
  return inside ? Verdict::supported : outside ? Verdict::contradicted : Verdict::inconclusive;
}

ClaimRow not_run(const Claim& claim, const std::string& method) {
  ClaimRow row;
  row.name = claim.id;
  row.method = method;
  row.statement = claim.statement;
  row.origin = claim.origin;
  row.note = claim.note;
  if (claim.absent.empty()) {
    row.threshold = threshold_text(claim);
    row.quantity = key_of(claim);
  } else {
    row.note = joined(claim.note, fmt::format("the configuration has no {}", claim.absent));
  }
  return row;
}

FinishedRuns::FinishedRuns(const Query& query, RowId b, const std::string& m) : batch(b), method(m) {
  RunFilter filter;
  filter.batch = batch;
  filter.method = method;
  filter.status = RunStatus::done;
  runs = query.runs(filter);
  scores = query.scores(filter);
}

Verdicts judge(const Query& query, RowId batch, const std::string& method, const MethodPlan& plan,
               const std::vector<Claim>& claims) {
  return judge(FinishedRuns(query, batch, method), plan, claims);
}

Verdicts judge(const FinishedRuns& finished, const MethodPlan& plan, const std::vector<Claim>& claims) {
  Verdicts verdicts;
  for (const Contrast& contrast : contrasts_of(plan, claims))
    if (auto row = compared(finished, contrast)) verdicts.comparisons.push_back(std::move(*row));
  adjust_p_values(verdicts.comparisons);
  for (const Claim& claim : claims) verdicts.claims.push_back(judged(finished, claim, verdicts.comparisons));
  return verdicts;
}

}  // namespace assay
