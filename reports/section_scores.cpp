#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "reports/numbers.h"
#include "reports/provenance.h"
#include "reports/score_tables.h"
#include "reports/sections.h"
#include "reports/summary.h"
#include "reports/wording.h"

namespace assay {
namespace {

/// Value of one seed with its own interval.
Text seed_cell(const ScoreRow& score) {
  Text text{number(value_of(score.value, score.interval))};
  text.back().anchor = run_anchor(score.run);
  if (score.interval) text.push_back(number(" " + interval_of(score.interval)));
  return text;
}

Details per_seed(const std::vector<const ScoreGroup*>& groups, bool with_name) {
  std::vector<RowId> runs;
  std::map<RowId, std::int64_t> seed_of;
  std::vector<std::string> levels;
  for (const ScoreGroup* group : groups)
    for (std::size_t i = 0; i < group->values.size(); ++i) {
      const ScoreRow& score = group->values[i];
      if (seed_of.emplace(score.run, group->seeds[i]).second) runs.push_back(score.run);
      if (!score.interval) continue;
      const std::string level = level_text(*score.interval);
      if (std::find(levels.begin(), levels.end(), level) == levels.end()) levels.push_back(level);
    }
  std::sort(runs.begin(), runs.end());
  Table table;
  if (!levels.empty()) table.caption = {muted(interval_note(levels))};
  table.columns.push_back({"Arm"});
  table.columns.push_back({"Params"});
  if (with_name) table.columns.push_back({"Metric"});
  for (const RowId run : runs) table.columns.push_back({fmt::format("seed {} (run {})", seed_of[run], run), true});
  for (const ScoreGroup* group : groups) {
    std::vector<Text> row{{code(group->arm)}, {plain(params_text(group->params))}};
    if (with_name) row.push_back({plain(metric_title(group->name))});
    for (const RowId run : runs) {
      const auto found = std::find_if(group->values.begin(), group->values.end(),
                                      [&](const ScoreRow& score) { return score.run == run; });
      row.push_back(found == group->values.end() ? Text{} : seed_cell(*found));
    }
    table.rows.push_back(std::move(row));
  }
  Details details{"Values of each seed", {}};
  details.blocks.push_back(std::move(table));
  return details;
}

Text metric_caption(const ScoreGroup& group, const std::vector<std::string>& levels, bool several_seeds) {
  Text caption{plain("Protocol ")};
  Span protocol = link(group.protocol, protocol_anchor(group.protocol_id));
  caption.push_back(protocol);
  std::string rest;
  if (!direction_text(group.better).empty()) rest += "; " + direction_text(group.better);
  if (!group.unit.empty() && group.unit != "1") rest += "; unit " + group.unit;
  rest += ". ";
  if (several_seeds) rest += "Values are means over seeds. ";
  caption.push_back(plain(rest + interval_note(levels)));
  return caption;
}

}  // namespace

Section scores_section(const ReportData& data, const std::vector<ScoreGroup>& groups) {
  Section section{"Scores", "scores", {}};
  const Qualifier qualify(data.runs);
  for (const ScoreTable& metric : tables_by_metric(groups, false)) {
    const auto any = [&](auto&& has) { return std::any_of(metric.groups.begin(), metric.groups.end(), has); };
    const bool weights = any([](const ScoreGroup* group) { return guidance_weight(group->params).has_value(); });
    const bool others = any([](const ScoreGroup* group) { return !other_params(group->params).empty(); });
    Table table;
    table.caption =
        metric_caption(*metric.groups.front(), interval_levels(metric.groups), has_several_seeds(metric.groups));
    table.columns.push_back({"Arm"});
    if (weights) {
      table.columns.push_back({"w", true});
      table.columns.push_back({"w_cfg", true});
    }
    if (others) table.columns.push_back({"Params"});
    table.columns.push_back({metric_title(metric.name), true});
    table.columns.push_back({"Interval", true});
    table.columns.push_back({"n", true});
    table.columns.push_back({"Seeds", true});
    for (const ScoreGroup* group : metric.groups) {
      std::vector<Text> row{{code(group->arm)}};
      if (weights) {
        const std::optional<double> w = guidance_weight(group->params);
        row.push_back(w ? Text{number(weight_text(*w))} : Text{});
        row.push_back(w ? Text{number(weight_text(*w - 1))} : Text{});
      }
      if (others) row.push_back({plain(other_params(group->params))});
      Span value = number(value_of(group->mean, group->interval));
      value.anchor = provenance_anchor(group->method, group->tier, group->dataset);
      row.push_back({std::move(value)});
      row.push_back({number(interval_of(group->interval))});
      row.push_back({plain(count_range(group->values))});
      row.push_back({plain(std::to_string(group->values.size()))});
      table.rows.push_back(std::move(row));
      table.anchors.push_back(score_anchor(group->values.front().id));
    }
    Part part{metric_title(metric.name) + qualify(metric.method, metric.tier, metric.dataset), "", {}};
    part.blocks.push_back(std::move(table));
    if (has_several_seeds(metric.groups)) part.blocks.push_back(per_seed(metric.groups, false));
    section.parts.push_back(std::move(part));
  }
  return section;
}

Section clusters_section(const ReportData& data, const std::vector<ScoreGroup>& groups) {
  Section section{"Cluster quality", "clusters", {}};
  const Qualifier qualify(data.runs);
  for (const ScoreTable& metric : tables_by_metric(groups, true)) {
    const std::vector<std::string> names = distinct(metric.groups, [](const ScoreGroup* group) { return group->name; });
    const bool others = std::any_of(metric.groups.begin(), metric.groups.end(),
                                    [](const ScoreGroup* group) { return !params_text(group->params).empty(); });
    Table table;
    table.caption =
        metric_caption(*metric.groups.front(), interval_levels(metric.groups), has_several_seeds(metric.groups));
    table.columns.push_back({"Features"});
    if (others) table.columns.push_back({"Params"});
    for (const std::string& name : names) table.columns.push_back({metric_title(name), true});
    table.columns.push_back({"n", true});
    table.columns.push_back({"Seeds", true});
    // One row an arm and params, one column a metric.
    std::vector<std::pair<std::string, nlohmann::json>> rows;
    for (const ScoreGroup* group : metric.groups)
      if (std::find(rows.begin(), rows.end(), std::pair(group->arm, group->params)) == rows.end())
        rows.emplace_back(group->arm, group->params);
    for (const auto& of_row : rows) {
      const std::string& arm = of_row.first;
      const nlohmann::json& params = of_row.second;
      std::vector<Text> row{{code(arm)}};
      if (others) row.push_back({plain(params_text(params))});
      const ScoreGroup* last = nullptr;
      for (const std::string& name : names) {
        const auto found = std::find_if(metric.groups.begin(), metric.groups.end(), [&](const ScoreGroup* group) {
          return group->arm == arm && group->params == params && group->name == name;
        });
        if (found == metric.groups.end()) {
          row.push_back({});
          continue;
        }
        last = *found;
        Text cell{number(value_of(last->mean, last->interval))};
        cell.back().anchor = provenance_anchor(last->method, last->tier, last->dataset);
        if (last->interval) cell.push_back(number(" " + interval_of(last->interval)));
        row.push_back(std::move(cell));
      }
      row.push_back({plain(count_range(last->values))});
      row.push_back({plain(std::to_string(last->values.size()))});
      table.rows.push_back(std::move(row));
    }
    Part part{qualify(metric.method, metric.tier, metric.dataset), "", {}};
    if (part.title.starts_with(", ")) part.title.erase(0, 2);
    part.blocks.push_back(std::move(table));
    if (has_several_seeds(metric.groups)) part.blocks.push_back(per_seed(metric.groups, true));
    section.parts.push_back(std::move(part));
  }
  return section;
}

}  // namespace assay
