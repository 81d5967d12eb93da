#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "reports/charts.h"
#include "reports/numbers.h"
#include "reports/sections.h"
#include "reports/summary.h"
#include "reports/wording.h"

namespace assay {
namespace {

/// Groups that belong into one table.
struct ScoreTable {
  std::string method, tier, dataset, name;
  RowId protocol_id = 0;
  std::vector<const ScoreGroup*> groups;
};

/// By method, data set, metric and protocol, in the order of the first group.
std::vector<ScoreTable> by_metric(const std::vector<ScoreGroup>& groups, bool clustering) {
  std::vector<ScoreTable> tables;
  for (const ScoreGroup& group : groups) {
    if (is_clustering(group.name) != clustering) continue;
    const auto found = std::find_if(tables.begin(), tables.end(), [&](const ScoreTable& table) {
      return table.method == group.method && table.tier == group.tier && table.dataset == group.dataset &&
             (clustering || table.name == group.name) && table.protocol_id == group.protocol_id;
    });
    if (found != tables.end())
      found->groups.push_back(&group);
    else
      tables.push_back({group.method, group.tier, group.dataset, group.name, group.protocol_id, {&group}});
  }
  // An arm's rows stand together, by weight.
  for (ScoreTable& table : tables) {
    const std::vector<std::string> arms =
        distinct(table.groups, [](const ScoreGroup* group) { return group->arm + " "; });
    const auto key = [&](const ScoreGroup* group) {
      return std::make_pair(std::find(arms.begin(), arms.end(), group->arm + " ") - arms.begin(),
                            guidance_weight(group->params).value_or(-1e300));
    };
    std::stable_sort(table.groups.begin(), table.groups.end(),
                     [&](const ScoreGroup* a, const ScoreGroup* b) { return key(a) < key(b); });
  }
  return tables;
}

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

bool has_several_seeds(const std::vector<const ScoreGroup*>& groups) {
  return std::any_of(groups.begin(), groups.end(), [](const ScoreGroup* group) { return group->values.size() > 1; });
}

}  // namespace

Section scores_section(const ReportData& data, const std::vector<ScoreGroup>& groups) {
  Section section{"Scores", "scores", {}};
  const Qualifier qualify(data.runs);
  for (const ScoreTable& metric : by_metric(groups, false)) {
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
      row.push_back({number(value_of(group->mean, group->interval))});
      row.push_back({number(interval_of(group->interval))});
      row.push_back({plain(count_range(group->values))});
      row.push_back({plain(std::to_string(group->values.size()))});
      table.rows.push_back(std::move(row));
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
  for (const ScoreTable& metric : by_metric(groups, true)) {
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
    for (const auto& [arm, params] : rows) {
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

Section guidance_section(const ReportData& data, const std::vector<ScoreGroup>& groups) {
  Section section{"Guidance curves", "guidance", {}};
  const Qualifier qualify(data.runs);
  int chart_number = 0;
  for (const ScoreTable& metric : by_metric(groups, false)) {
    // A line is an arm with its params other than the weight.
    std::vector<std::pair<std::string, std::vector<const ScoreGroup*>>> lines;
    for (const ScoreGroup* group : metric.groups) {
      const std::string others = other_params(group->params);
      const std::string name = others.empty() ? group->arm : group->arm + " (" + others + ")";
      const auto found = std::find_if(lines.begin(), lines.end(), [&](const auto& line) { return line.first == name; });
      if (found != lines.end())
        found->second.push_back(group);
      else
        lines.push_back({name, {group}});
    }
    LineChart chart;
    chart.x_label = "w";
    chart.second_label = "w_cfg";
    chart.second_offset = -1;
    chart.y_label = fmt::format(
        "{} ({}){}", metric_title(metric.name), metric.groups.front()->protocol,
        metric.groups.front()->better == Better::unstated ? "" : ", " + direction_text(metric.groups.front()->better));
    bool is_curve = false;
    for (const auto& [name, points] : lines) {
      const std::optional<double> w = guidance_weight(points.front()->params);
      const auto low = [](const ScoreGroup* g) {
        return g->interval ? std::optional<double>(g->interval->low) : std::nullopt;
      };
      const auto high = [](const ScoreGroup* g) {
        return g->interval ? std::optional<double>(g->interval->high) : std::nullopt;
      };
      // Without guidance, or without a weight at all, an arm is the level that the others are held against.
      if (points.size() == 1 && (!w || *w == 0)) {
        chart.references.push_back({name, points[0]->mean, low(points[0]), high(points[0])});
        continue;
      }
      ChartSeries series{name, {}};
      for (const ScoreGroup* group : points)
        if (const auto x = guidance_weight(group->params))
          series.points.push_back({*x, group->mean, low(group), high(group)});
      is_curve = is_curve || series.points.size() > 1;
      if (!series.points.empty()) chart.series.push_back(std::move(series));
    }
    if (!is_curve) continue;
    // Every group's values, so that a landmark of another n shows in the caption.
    std::vector<ScoreRow> values;
    for (const ScoreGroup* group : metric.groups)
      values.insert(values.end(), group->values.begin(), group->values.end());
    const std::string title =
        metric_title(metric.name) + " against w" + qualify(metric.method, metric.tier, metric.dataset);
    chart.alternative = fmt::format("{}: one line for each of {} arms; the section on scores holds the values", title,
                                    chart.series.size());
    Chart block;
    block.name = fmt::format("guidance-{}", ++chart_number);
    block.alternative = chart.alternative;
    block.wide = line_chart_svg(chart, wide_chart);
    block.narrow = line_chart_svg(chart, narrow_chart);
    block.caption = {
        plain("Protocol "), link(metric.groups.front()->protocol, protocol_anchor(metric.protocol_id)),
        plain(fmt::format("; {}n = {} a point. {} Guidance: uncond + w (cond \u2212 uncond); w_cfg = w \u2212 1.",
                          has_several_seeds(metric.groups) ? "means over seeds, " : "", count_range(values),
                          interval_note(interval_levels(metric.groups))))};
    Part part{title, "", {}};
    part.blocks.push_back(std::move(block));
    section.parts.push_back(std::move(part));
  }
  return section;
}

}  // namespace assay
