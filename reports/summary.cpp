#include "reports/summary.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <tuple>

#include "core/student_t.h"

namespace assay {
namespace {

std::optional<double> number(const nlohmann::json& params, const char* key) {
  const auto found = params.find(key);
  if (found == params.end() || !found->is_number()) return std::nullopt;
  return found->get<double>();
}

}  // namespace

SeedMean mean_over_seeds(std::span<const double> values) {
  const auto n = static_cast<double>(values.size());
  SeedMean result;
  result.mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
  if (values.size() < 2) return result;
  double squares = 0;
  for (const double value : values) squares += (value - result.mean) * (value - result.mean);
  const double half_width = student_t_quantile(0.975, n - 1) * std::sqrt(squares / (n - 1) / n);
  result.interval = ScoreInterval{result.mean - half_width, result.mean + half_width, 0.95,
                                  "t over " + std::to_string(values.size()) + " seeds"};
  return result;
}

MedianSummary summarise_median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  MedianSummary result;
  result.median = n % 2 == 1 ? values[n / 2] : 0.5 * (values[n / 2 - 1] + values[n / 2]);
  // The k-th smallest and k-th largest hold the median with probability 1 - 2 P(B < k), B binomial(n, 1/2):
  // the largest k with P(B < k) <= 0.025.
  double probability = std::pow(0.5, static_cast<double>(n)), below = 0;
  std::size_t k = 0;
  while (k < n / 2 && below + probability <= 0.025) {
    below += probability;
    probability *= static_cast<double>(n - k) / static_cast<double>(k + 1);
    ++k;
  }
  result.is_range = k == 0;
  result.low = values[k == 0 ? 0 : k - 1];
  result.high = values[k == 0 ? n - 1 : n - k];
  return result;
}

std::vector<ScoreGroup> group_scores(const std::vector<ScoreRow>& scores, const std::vector<RunRow>& runs) {
  std::map<RowId, const RunRow*> run_of;
  for (const RunRow& run : runs) run_of[run.id] = &run;
  std::vector<ScoreGroup> groups;
  std::map<std::tuple<std::string, std::string, std::string, std::string, std::string, RowId, std::string>, std::size_t>
      places;
  for (const ScoreRow& score : scores) {
    const auto found = run_of.find(score.run);
    if (found == run_of.end()) continue;
    const RunRow& run = *found->second;
    const auto [place, is_new] = places.try_emplace(
        {run.method, run.tier, run.dataset, score.arm, score.name, score.protocol_id, score.params.dump()},
        groups.size());
    if (is_new) {
      ScoreGroup group;
      group.method = run.method;
      group.tier = run.tier;
      group.dataset = run.dataset;
      group.arm = score.arm;
      group.name = score.name;
      group.unit = score.unit;
      group.protocol = score.protocol;
      group.protocol_id = score.protocol_id;
      group.better = score.better;
      group.params = score.params;
      groups.push_back(std::move(group));
    }
    groups[place->second].values.push_back(score);
    groups[place->second].seeds.push_back(run.seed);
  }
  for (ScoreGroup& group : groups) {
    std::vector<double> values;
    for (const ScoreRow& score : group.values) values.push_back(score.value);
    const SeedMean summary = mean_over_seeds(values);
    group.mean = summary.mean;
    // Equal over all seeds: no seed is in it, and a t interval of no width would claim certainty.
    const bool one_value = std::all_of(values.begin(), values.end(), [&](double value) { return value == values[0]; });
    group.interval = one_value ? group.values[0].interval : summary.interval;
  }
  return groups;
}

bool has_params(const nlohmann::json& params, const nlohmann::json& wanted) {
  for (const auto& [key, value] : wanted.items())
    if (!params.contains(key) || params.at(key) != value) return false;
  return true;
}

std::optional<double> guidance_weight(const nlohmann::json& params) {
  if (!params.is_object()) return std::nullopt;
  if (const auto w = number(params, "w")) return w;
  if (const auto w = number(params, "w_cfg")) return *w + 1;
  return std::nullopt;
}

}  // namespace assay
