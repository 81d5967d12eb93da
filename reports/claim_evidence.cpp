#include "reports/claim_evidence.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "core/student_t.h"
#include "reports/numbers.h"
#include "reports/wording.h"

namespace assay {
namespace {

bool mentions(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// Sums of the same numbers in another order.
bool same_value(double a, double b) { return std::abs(a - b) <= 1e-9 * std::max(std::abs(a), std::abs(b)); }

bool all_equal(const std::vector<double>& values) {
  return std::all_of(values.begin(), values.end(), [&](double value) { return value == values[0]; });
}

}  // namespace

ClaimEvidence evidence_of(const ClaimRow& claim, const std::vector<ComparisonRow>& comparisons,
                          const std::vector<ScoreGroup>& groups) {
  if (!claim.statistic) return {};
  for (const ComparisonRow& row : comparisons)
    if (row.method == claim.method && row.seeds == claim.seeds && same_value(row.difference, *claim.statistic) &&
        mentions(claim.threshold, row.metric + " of " + row.arm_a) && mentions(claim.threshold, " - " + row.arm_b))
      return {row.differences, comparison_anchor(row.id)};
  for (const ScoreGroup& group : groups) {
    if (group.method != claim.method || group.seeds != claim.seeds || !same_value(group.mean, *claim.statistic) ||
        !mentions(claim.threshold, group.name + " of " + group.arm))
      continue;
    ClaimEvidence evidence;
    evidence.values.reserve(group.values.size());
    for (const ScoreRow& score : group.values) evidence.values.push_back(score.value);
    evidence.anchor = is_clustering(group.name) ? "clusters" : score_anchor(group.values.front().id);
    return evidence;
  }
  return {};
}

std::vector<double> bounds_of(const std::string& threshold) {
  for (const std::string word : {"within [", "below ", "above ", "at least ", "at most "}) {
    const std::size_t at = threshold.rfind(word);
    if (at == std::string::npos) continue;
    const char* place = threshold.c_str() + at + word.size();
    char* end = nullptr;
    std::vector<double> bounds{std::strtod(place, &end)};
    if (end == place) continue;
    if (word != "within [") return bounds;
    place = *end == ',' ? end + 1 : end;
    bounds.push_back(std::strtod(place, &end));
    if (end != place) return bounds;
  }
  return {};
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

std::string what_would_decide(const ClaimRow& claim, const ClaimEvidence& evidence) {
  const std::vector<double> bounds = bounds_of(claim.threshold);
  if (bounds.empty() || !claim.statistic) return "";
  if (claim.seeds.size() < 2)
    return "What would decide it: more seeds. One does not show how far they differ, so their number cannot be "
           "estimated.";
  if (evidence.values.size() < 2) return "What would decide it: more seeds.";
  if (all_equal(evidence.values)) return "What would decide it: not more seeds, since every one gave this value.";
  const SeedsNeeded needed = seeds_needed(evidence.values, bounds);
  const int decimals = decimals_for(needed.half_width);
  const std::string now =
      fmt::format("With {} the interval reaches {} to either side, and the value lies {} from the threshold",
                  evidence.values.size(), format_at(needed.half_width, decimals), format_at(needed.distance, decimals));
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
