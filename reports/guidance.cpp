#include "reports/guidance.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "reports/sections.h"
#include "reports/wording.h"

namespace assay {
namespace {

ChartPoint point_of(double x, const ScoreGroup& group) {
  if (!group.interval) return {x, group.mean, {}, {}};
  return {x, group.mean, group.interval->low, group.interval->high};
}

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

std::optional<GuidanceCurve> guidance_curve(const ScoreTable& metric, const std::vector<std::string>& arms) {
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
  const ScoreGroup& first = *metric.groups.front();
  GuidanceCurve curve;
  LineChart& chart = curve.chart;
  chart.x_label = "w";
  chart.second_label = "w_cfg";
  chart.second_offset = -1;
  chart.y_label = metric.name == first.protocol ? metric.name : metric_title(metric.name) + " (" + first.protocol + ")";
  if (first.better != Better::unstated) chart.y_label += ", " + direction_text(first.better);
  bool is_curve = false;
  for (const auto& [name, points] : lines) {
    const std::optional<double> w = guidance_weight(points.front()->params);
    // Without guidance, or without a weight at all, an arm is the level that the others are held against.
    if (points.size() == 1 && (!w || *w == 0)) {
      if (!arms.empty() && !w && !contains(arms, points.front()->arm)) continue;
      const ChartPoint level = point_of(0, *points.front());
      chart.references.push_back({name, level.y, level.low, level.high});
      curve.groups.push_back(points.front());
      continue;
    }
    if (!arms.empty() && !contains(arms, points.front()->arm)) continue;
    ChartSeries series{name, {}};
    for (const ScoreGroup* group : points)
      if (const auto x = guidance_weight(group->params)) {
        series.points.push_back(point_of(*x, *group));
        curve.groups.push_back(group);
      }
    is_curve = is_curve || series.points.size() > 1;
    if (!series.points.empty()) chart.series.push_back(std::move(series));
  }
  if (!is_curve) return std::nullopt;
  return curve;
}

Text guidance_caption(const GuidanceCurve& curve) {
  // Every group's values, so that a level of another n shows in the caption.
  std::vector<ScoreRow> values;
  for (const ScoreGroup* group : curve.groups) values.insert(values.end(), group->values.begin(), group->values.end());
  const ScoreGroup& first = *curve.groups.front();
  return {plain("Protocol "), link(first.protocol, protocol_anchor(first.protocol_id)),
          plain(fmt::format("; {}n = {} a point. {} Guidance: uncond + w (cond \u2212 uncond); w_cfg = w \u2212 1.",
                            has_several_seeds(curve.groups) ? "means over seeds, " : "", count_range(values),
                            interval_note(interval_levels(curve.groups))))};
}

Section guidance_section(const ReportData& data, const std::vector<ScoreGroup>& groups) {
  Section section{"Guidance curves", "guidance", {}};
  const Qualifier qualify(data.runs);
  int chart_number = 0;
  for (const ScoreTable& metric : tables_by_metric(groups, false)) {
    std::optional<GuidanceCurve> curve = guidance_curve(metric);
    if (!curve) continue;
    const std::string title =
        metric_title(metric.name) + " against w" + qualify(metric.method, metric.tier, metric.dataset);
    curve->chart.alternative = fmt::format("{}: one line for each of {} arms; the section on scores holds the values",
                                           title, curve->chart.series.size());
    Chart block;
    block.name = fmt::format("guidance-{}", ++chart_number);
    block.alternative = curve->chart.alternative;
    block.wide = line_chart_svg(curve->chart, wide_chart);
    block.narrow = line_chart_svg(curve->chart, narrow_chart);
    block.caption = guidance_caption(*curve);
    Part part{title, "", {}};
    part.blocks.push_back(std::move(block));
    section.parts.push_back(std::move(part));
  }
  return section;
}

}  // namespace assay
