#include "reports/published_beside.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/tier.h"
#include "reports/numbers.h"
#include "reports/wording.h"

namespace assay {
namespace {

/// The scores that a candidate names: the one with just its params, else the only one that has them.
const ScoreGroup* find(const std::vector<ScoreGroup>& groups, const std::string& method,
                       const nlohmann::json& candidate) {
  const nlohmann::json& params = candidate.at("params");
  const ScoreGroup* found = nullptr;
  bool several = false;
  for (const ScoreGroup& group : groups) {
    if (group.method != method || group.name != candidate.at("score") || group.protocol != candidate.at("protocol") ||
        group.arm != candidate.at("arm") || !has_params(group.params, params))
      continue;
    if (group.params.size() == params.size()) return &group;
    several = found != nullptr;
    found = &group;
  }
  return several ? nullptr : found;
}

/// Half a unit of the last printed digit: "0.70" stands for 0.695 to 0.705.
double half_unit(const std::string& printed) {
  const std::size_t point = printed.find('.');
  const auto decimals = point == std::string::npos ? 0 : printed.size() - point - 1;
  return 0.5 * std::pow(10.0, -static_cast<double>(decimals));
}

}  // namespace

Beside beside_of(const PublishedRow& cell, const std::vector<ScoreGroup>& groups) {
  Beside beside;
  beside.cell = &cell;
  bool stand_in = false;
  double scale = 1.0;
  for (const nlohmann::json& candidate : cell.ours) {
    beside.ours = find(groups, cell.method, candidate);
    stand_in = candidate.at("stand_in").get<bool>();
    if (beside.ours) {
      scale = candidate.value("scale", 1.0);
      break;
    }
  }
  if (!beside.ours) return beside;
  const ScoreGroup& ours = *beside.ours;
  beside.mean = scale * ours.mean;
  beside.interval = ours.interval;
  if (beside.interval) {
    beside.interval->low *= scale;
    beside.interval->high *= scale;
  }
  const auto set = [&](const char* verdict, Tone tone, std::string reason) {
    beside.verdict = verdict;
    beside.tone = tone;
    beside.reason = std::move(reason);
    return beside;
  };
  const auto not_comparable = [&](std::string reason) {
    return set("not comparable", Tone::caution, std::move(reason));
  };
  const auto other_n = [&](const ScoreRow& score) { return score.n != cell.n; };
  if (!std::isfinite(beside.mean)) return not_comparable("ours is not finite");
  if (stand_in) return not_comparable(fmt::format("{} is not {}", ours.name, cell.metric));
  if (!cell.value) return not_comparable("the published number is unknown");
  if (ours.tier != name_of(Tier::paper)) return not_comparable(ours.tier + " tier");
  if (cell.n > 0 && std::any_of(ours.values.begin(), ours.values.end(), other_n))
    return not_comparable(fmt::format("{} samples, published {}", count_range(ours.values), format_count(cell.n)));
  if (!ours.interval) return not_comparable("ours has no interval");
  const double rounding = half_unit(cell.printed);
  if (beside.interval->low <= *cell.value + rounding && beside.interval->high >= *cell.value - rounding)
    return set("reproduced", Tone::good, "");
  if (cell.better == Better::unstated) return set("not reproduced", Tone::bad, "");
  const bool better = (beside.mean < *cell.value) == (cell.better == Better::lower);
  return set("not reproduced", Tone::bad, better ? "ours is better" : "ours is worse");
}

std::vector<PublishedTable> published_tables(const std::vector<PublishedRow>& published,
                                             const std::vector<ScoreGroup>& groups) {
  std::vector<PublishedTable> tables;
  for (const PublishedRow& cell : published) {
    if (tables.empty() || tables.back().method != cell.method || tables.back().title != cell.title)
      tables.push_back({cell.method, cell.title, {}});
    tables.back().cells.push_back(beside_of(cell, groups));
  }
  return tables;
}

}  // namespace assay
