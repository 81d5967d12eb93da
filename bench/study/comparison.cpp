#include "bench/study/comparison.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <optional>
#include <tuple>
#include <utility>

#include "bench/harness/verdicts.h"
#include "bench/study/plan.h"
#include "metrics/statistics/bootstrap.h"
#include "metrics/statistics/least_squares.h"
#include "reproductions/guidance_imbalance/arms.h"
#include "reproductions/method_entry.h"

namespace assay {
namespace {

using guidance_imbalance::classifier_arm;
using guidance_imbalance::constrained_arm;
using guidance_imbalance::none_arm;
using guidance_imbalance::scaled_arm;

const std::string label = "label", fd = "fd-small", recall = "recall";

/// Scores that may be held against each other.
struct Place {
  std::string dataset, imbalance, conditions, of, metric;
  auto operator<=>(const Place&) const = default;
};

/// The score of each seed.
using BySeed = std::map<std::int64_t, const ScoreRow*>;

/// Of every arm, in the order in which they were recorded.
struct Arms {
  std::vector<std::string> names;
  std::map<std::string, BySeed> scores;
};

using Places = std::map<Place, Arms>;

std::string text(const nlohmann::json& params, const char* key) {
  return params.is_object() && params.contains(key) && params.at(key).is_string() ? params.at(key).get<std::string>()
                                                                                  : "";
}

/// Each score where it belongs. What has no conditions is of no arm.
Places places_of(const std::vector<RunRow>& runs, const std::vector<ScoreRow>& scores) {
  std::map<RowId, const RunRow*> by_id;
  for (const RunRow& run : runs) by_id[run.id] = &run;
  Places places;
  for (const ScoreRow& score : scores) {
    const auto run = by_id.find(score.run);
    if (run == by_id.end() || !std::isfinite(score.value)) continue;
    const Place place = {run->second->dataset, text(score.params, "imbalance"), text(score.params, "conditions"),
                         text(score.params, "of"), score.name};
    if (place.conditions.empty() || place.of.empty()) continue;
    Arms& arms = places[place];
    BySeed& of_arm = arms.scores[score.arm];
    if (of_arm.empty()) arms.names.push_back(score.arm);
    of_arm.emplace(run->second->seed, &score);
  }
  return places;
}

bool one_class(const Place& place) { return place.of.starts_with("class "); }

/// Whether every arm is held against every other.
bool all_against_all(const Place& place) {
  return (place.metric == fd && place.of == "all") || (place.metric == recall && place.of == "tail");
}

bool held_against(const Place& place, const std::string& a, const std::string& b) {
  if (one_class(place) && place.metric != recall) return false;
  return all_against_all(place) || b == none_arm || b == label || (a == scaled_arm && b == classifier_arm) ||
         (a == constrained_arm && b == scaled_arm);
}

std::optional<ComparisonRow> compared(const Place& place, const Arms& arms, const std::string& a,
                                      const std::string& b) {
  ComparisonRow row;
  std::vector<double> left, right;
  const BySeed& of_b = arms.scores.at(b);
  for (const auto& [seed, score] : arms.scores.at(a)) {
    const auto other = of_b.find(seed);
    // Against another reference, as of another version, nothing is compared.
    if (other == of_b.end() || other->second->protocol_id != score->protocol_id) continue;
    row.protocol = score->protocol;
    row.protocol_id = score->protocol_id;
    row.better = score->better;
    row.seeds.push_back(seed);
    left.push_back(score->value);
    right.push_back(other->second->value);
    row.differences.push_back(score->value - other->second->value);
  }
  if (left.empty()) return std::nullopt;
  row.method = guidance_imbalance_study().id;
  row.dataset = place.dataset;
  row.metric = place.metric;
  row.arm_a = a;
  row.arm_b = b;
  row.params = {{"imbalance", place.imbalance}, {"conditions", place.conditions}, {"of", place.of}};
  row.params_b = row.params;
  row.difference = row.differences.front();
  if (left.size() > 1) {
    const PairedDifference paired = paired_difference(left, right);
    row.difference = paired.mean;
    row.interval = paired.interval;
    row.interval->method = fmt::format("paired Student t over {} seeds", left.size());
    row.p_value = paired.p_value;
  }
  return row;
}

/// Holm over each family, as compare_study() says.
void adjust(std::vector<ComparisonRow>& rows) {
  std::map<std::tuple<std::string, std::string, std::string, std::string>, std::vector<ComparisonRow*>> families;
  for (ComparisonRow& row : rows) {
    const std::string of = text(row.params, "of");
    if (row.p_value)
      families[{row.dataset, row.metric, text(row.params, "conditions"), of.starts_with("class ") ? "class" : of}]
          .push_back(&row);
  }
  for (const auto& [family, members] : families) {
    std::vector<double> p;
    p.reserve(members.size());
    for (const ComparisonRow* row : members) p.push_back(*row->p_value);
    const std::vector<double> adjusted = holm(p);
    for (std::size_t i = 0; i < members.size(); ++i) {
      members[i]->p_adjusted = adjusted[i];
      members[i]->interval->method += fmt::format("; p by Holm over {}", members.size());
    }
  }
}

std::optional<double> number_of(const std::string& imbalance) {
  double value = 0;
  const char* end = imbalance.data() + imbalance.size();
  const auto read = std::from_chars(imbalance.data(), end, value);
  return read.ec == std::errc() && read.ptr == end ? std::optional(value) : std::nullopt;
}

/// The longest tail: "natural", or the largest number.
std::string longest_of(const std::vector<ComparisonRow>& rows, const std::string& dataset) {
  std::string longest;
  for (const ComparisonRow& row : rows) {
    const std::string imbalance = text(row.params, "imbalance");
    if (row.dataset == dataset && (longest.empty() || !number_of(imbalance) ||
                                   (number_of(longest) && *number_of(imbalance) > *number_of(longest))))
      longest = imbalance;
  }
  return longest;
}

ClaimRow claim_of(const std::string& name, std::string statement, std::string threshold) {
  ClaimRow claim;
  claim.name = name;
  claim.method = guidance_imbalance_study().id;
  claim.statement = std::move(statement);
  claim.origin = "Assay: docs/study.md";
  claim.threshold = std::move(threshold);
  claim.verdict = Verdict::inconclusive;
  return claim;
}

void judge_from(ClaimRow& claim, ClaimRule::Kind kind, double value, const std::optional<ScoreInterval>& interval,
                const std::vector<std::int64_t>& seeds) {
  claim.statistic = value;
  claim.seeds = seeds;
  if (!interval) {
    claim.note = "one seed has no interval over seeds";
    return;
  }
  ClaimRule rule;
  rule.kind = kind;
  rule.bound = 0;
  claim.low = interval->low;
  claim.high = interval->high;
  claim.verdict = verdict_of(rule, interval->low, interval->high);
  claim.note = fmt::format("paired Student t over {} seeds", seeds.size());
}

const ComparisonRow* row_of(const std::vector<ComparisonRow>& rows, const std::string& dataset,
                            const std::string& metric, const std::string& of, const std::string& imbalance,
                            const std::string& a, const std::string& b) {
  for (const ComparisonRow& row : rows)
    if (row.dataset == dataset && row.metric == metric && row.arm_a == a && row.arm_b == b &&
        text(row.params, "of") == of && text(row.params, "imbalance") == imbalance &&
        text(row.params, "conditions") == "marginal")
      return &row;
  return nullptr;
}

/// The first clusters' arm, which every block has recorded before those of other K.
std::string first_clusters(const std::vector<ScoreRow>& scores) {
  for (const ScoreRow& score : scores)
    if (score.arm.starts_with("self_label_k")) return score.arm;
  return "";
}

/// The slope, over ln(imbalance), of how much more of the tail clusters recall than labels; of every seed that has two
/// imbalances and more.
std::optional<ClaimRow> growth(const std::vector<ComparisonRow>& rows, const std::string& dataset,
                               const std::string& clusters) {
  std::map<std::int64_t, std::pair<std::vector<double>, std::vector<double>>> points;  // of each seed
  for (const ComparisonRow& row : rows) {
    const std::string imbalance = text(row.params, "imbalance");
    const auto rho = number_of(imbalance);
    if (!rho || &row != row_of(rows, dataset, recall, "tail", imbalance, clusters, label)) continue;
    for (std::size_t i = 0; i < row.seeds.size(); ++i) {
      points[row.seeds[i]].first.push_back(std::log(*rho));
      points[row.seeds[i]].second.push_back(row.differences[i]);
    }
  }
  std::vector<double> slopes;
  std::vector<std::int64_t> seeds;
  for (const auto& [seed, xy] : points) {
    if (xy.first.size() < 2) continue;
    slopes.push_back(least_squares_slope(xy.first, xy.second));
    seeds.push_back(seed);
  }
  if (slopes.empty()) return std::nullopt;
  ClaimRow claim = claim_of(
      "grows." + dataset,
      fmt::format("{}: the longer the tail, the more {} gains on labels in recall of the tail.", dataset, clusters),
      fmt::format("slope over ln(imbalance) of recall (tail) of {} - {} lies above 0", clusters, label));
  if (slopes.size() > 1) {
    const PairedDifference spread = paired_difference(slopes, std::vector<double>(slopes.size(), 0.0));
    judge_from(claim, ClaimRule::Kind::above, spread.mean, spread.interval, seeds);
  } else {
    judge_from(claim, ClaimRule::Kind::above, slopes.front(), std::nullopt, seeds);
  }
  return claim;
}

}  // namespace

std::vector<ComparisonRow> compare_study(const std::vector<RunRow>& runs, const std::vector<ScoreRow>& scores) {
  std::vector<ComparisonRow> rows;
  for (const auto& [place, arms] : places_of(runs, scores))
    for (std::size_t b = 0; b < arms.names.size(); ++b)
      for (std::size_t a = b + 1; a < arms.names.size(); ++a)
        if (held_against(place, arms.names[a], arms.names[b]))
          if (auto row = compared(place, arms, arms.names[a], arms.names[b])) rows.push_back(std::move(*row));
  adjust(rows);
  return rows;
}

std::vector<ClaimRow> claims_of_study(const std::vector<RunRow>& runs, const std::vector<ScoreRow>& scores,
                                      const std::vector<ComparisonRow>& comparisons) {
  std::vector<std::string> datasets;
  for (const RunRow& run : runs)
    if (std::find(datasets.begin(), datasets.end(), run.dataset) == datasets.end()) datasets.push_back(run.dataset);
  const std::string clusters = first_clusters(scores);
  std::vector<ClaimRow> claims;
  for (const std::string& dataset : datasets) {
    const std::string longest = longest_of(comparisons, dataset);
    const auto judged = [&](const std::string& name, const std::string& statement, const std::string& metric,
                            const std::string& of, const std::string& a, const std::string& b, ClaimRule::Kind kind) {
      const ComparisonRow* row = row_of(comparisons, dataset, metric, of, longest, a, b);
      if (!row) return;
      claims.push_back(claim_of(fmt::format("{}.{}", name, dataset),
                                fmt::format("{}, imbalance {}: {}", dataset, longest, statement),
                                fmt::format("the 95 % interval of the {} ({}) of {} - {} lies {} 0", metric, of, a, b,
                                            kind == ClaimRule::Kind::below ? "below" : "above")));
      judge_from(claims.back(), kind, row->difference, row->interval, row->seeds);
    };
    judged("eds", "EDS lowers the distance of plain classifier guidance.", fd, "all", scaled_arm, classifier_arm,
           ClaimRule::Kind::below);
    if (clusters.empty()) continue;
    judged("self-label", fmt::format("{} brings more of the tail back than people's labels.", clusters), recall, "tail",
           clusters, label, ClaimRule::Kind::above);
    if (auto claim = growth(comparisons, dataset, clusters)) claims.push_back(std::move(*claim));
  }
  return claims;
}

}  // namespace assay
