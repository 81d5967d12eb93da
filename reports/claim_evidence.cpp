#include "reports/claim_evidence.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/student_t.h"
#include "reports/numbers.h"
#include "reports/wording.h"

namespace assay {
namespace {

/// Of rows that have the wanted params, the one that has no others, else the only one.
template <class Row, class Test, class Others>
const Row* choose(const std::vector<Row>& rows, Test&& test, Others&& has_others) {
  const Row* found = nullptr;
  int matches = 0;
  for (const Row& row : rows) {
    if (!test(row)) continue;
    if (!has_others(row)) return &row;
    found = &row;
    ++matches;
  }
  return matches == 1 ? found : nullptr;
}

bool all_equal(const std::vector<double>& values) {
  return std::all_of(values.begin(), values.end(), [&](double value) { return value == values[0]; });
}

}  // namespace

std::string evidence_anchor(const ClaimRow& claim, const std::vector<ComparisonRow>& comparisons,
                            const std::vector<ScoreGroup>& groups) {
  const nlohmann::json& key = claim.quantity;
  if (!claim.statistic || !key.is_object() || !key.contains("score")) return "";
  const nlohmann::json params = key.value("params", nlohmann::json::object());
  if (key.contains("minus")) {
    const nlohmann::json& minus = key.at("minus");
    const nlohmann::json params_b = minus.value("params", nlohmann::json::object());
    const ComparisonRow* const row = choose(
        comparisons,
        [&](const ComparisonRow& c) {
          return c.method == claim.method && c.batch == claim.batch && c.metric == key.at("score") &&
                 c.protocol == key.at("protocol") && c.arm_a == key.at("arm") && c.arm_b == minus.at("arm") &&
                 has_params(c.params, params) && has_params(c.params_b, params_b);
        },
        [&](const ComparisonRow& c) { return c.params.size() + c.params_b.size() > params.size() + params_b.size(); });
    return row ? comparison_anchor(row->id) : "";
  }
  const ScoreGroup* const group = choose(
      groups,
      [&](const ScoreGroup& g) {
        return g.method == claim.method && g.name == key.at("score") && g.protocol == key.at("protocol") &&
               g.arm == key.at("arm") && has_params(g.params, params);
      },
      [&](const ScoreGroup& g) { return g.params.size() > params.size(); });
  if (!group) return "";
  return is_clustering(group->name) ? "clusters" : score_anchor(group->values.front().id);
}

std::vector<double> bounds_of(const ClaimRow& claim) {
  std::vector<double> bounds;
  if (!claim.quantity.is_object() || !claim.quantity.contains("bounds")) return bounds;
  for (const nlohmann::json& bound : claim.quantity.at("bounds"))
    if (bound.is_number()) bounds.push_back(bound.get<double>());
  return bounds;
}

SeedsNeeded seeds_needed(const std::vector<double>& values, const std::vector<double>& bounds) {
  const auto k = static_cast<double>(values.size());
  const SeedMean now = mean_over_seeds(values);
  SeedsNeeded needed;
  needed.half_width = (now.interval->high - now.interval->low) / 2;
  needed.standard_error = needed.half_width / student_t_quantile(0.975, k - 1);
  needed.distance = std::abs(now.mean - bounds[0]);
  for (const double bound : bounds) needed.distance = std::min(needed.distance, std::abs(now.mean - bound));
  if (needed.distance < needed.standard_error) return needed;
  // At one standard error or more, (1.96 sd / distance)^2 is below 4 k, and the search is short.
  const double deviation = needed.standard_error * std::sqrt(k);
  double n = k + 1;
  while (student_t_quantile(0.975, n - 1) * deviation / std::sqrt(n) >= needed.distance) ++n;
  needed.seeds = static_cast<std::int64_t>(n);
  return needed;
}

std::optional<SeedsNeeded> seeds_needed(const ClaimRow& claim) {
  const std::vector<double> bounds = bounds_of(claim);
  if (claim.verdict != Verdict::inconclusive || bounds.empty() || claim.values.size() < 2 || all_equal(claim.values))
    return std::nullopt;
  return seeds_needed(claim.values, bounds);
}

std::string what_would_decide(const ClaimRow& claim) {
  if (claim.verdict != Verdict::inconclusive || !claim.statistic || bounds_of(claim).empty()) return "";
  if (claim.seeds.size() < 2)
    return "What would decide it: more seeds. One does not show how far they differ, so their number cannot be "
           "estimated.";
  if (claim.values.size() < 2) return "What would decide it: more seeds.";
  if (all_equal(claim.values)) return "What would decide it: not more seeds, since every one gave this value.";
  const SeedsNeeded needed = *seeds_needed(claim);
  const int decimals = decimals_for(needed.half_width);
  const std::string now =
      fmt::format("With {} the interval reaches {} to either side, and the value lies {} from the threshold",
                  claim.values.size(), format_at(needed.half_width, decimals), format_at(needed.distance, decimals));
  if (!needed.seeds)
    return fmt::format(
        "The value is within noise of the threshold: {}, less than one standard error ({}). More seeds may bring it "
        "to either side; how many cannot be said.",
        now, format_at(needed.standard_error, decimals));
  return fmt::format(
      "What would decide it: about {} seeds, an estimate. {}; were value and spread to stay, that many would bring the "
      "interval clear of it.",
      *needed.seeds, now);
}

}  // namespace assay
