#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "reports/numbers.h"
#include "reports/pages/charts.h"
#include "reports/pareto.h"
#include "reports/provenance.h"
#include "reports/score_tables.h"
#include "reports/sections.h"
#include "reports/wording.h"

namespace assay {
namespace {

constexpr const char* evaluations_score = "network_evaluations";

/// What sampling one image takes.
enum class Cost { seconds, evaluations };

/// Seconds an image of the samplings of a stage of a run, by run and stage.
using SamplingSeconds = std::map<std::pair<RowId, std::string>, double>;

SamplingSeconds sampling_seconds(const std::vector<TimingRow>& timings) {
  SamplingSeconds seconds, images;
  for (const TimingRow& row : timings) {
    if (row.op != "sample" || row.items <= 0 || row.item_unit != "images") continue;
    seconds[{row.run, row.stage}] += row.seconds;
    images[{row.run, row.stage}] += static_cast<double>(row.items);
  }
  for (auto& [stage, total] : seconds) total /= images.at(stage);
  return seconds;
}

/// Evaluations an image of an arm's sampling, by run, arm and params.
using SamplingEvaluations = std::map<std::pair<RowId, std::string>, double>;

std::string arm_key(const ScoreRow& row) { return row.arm + row.params.dump(); }

SamplingEvaluations sampling_evaluations(const std::vector<ScoreRow>& scores) {
  SamplingEvaluations evaluations;
  for (const ScoreRow& row : scores)
    if (row.name == evaluations_score) evaluations[{row.run, arm_key(row)}] = row.value;
  return evaluations;
}

/// A score and what its samples cost: the mean over the runs that say so.
struct CostedScore {
  const ScoreGroup* group = nullptr;
  double cost = 0.0;
  bool on_front = false;
};

template <class Costs, class Key>
std::vector<CostedScore> costed(const ScoreTable& metric, const Costs& costs, Key&& key) {
  std::vector<CostedScore> all;
  for (const ScoreGroup* const group : metric.groups) {
    double sum = 0.0;
    int count = 0;
    for (const ScoreRow& row : group->values)
      if (const auto found = costs.find(key(row)); found != costs.end()) {
        sum += found->second;
        ++count;
      }
    if (count > 0) all.push_back({group, sum / count, false});
  }
  std::vector<CostAndValue> points;
  points.reserve(all.size());
  for (const CostedScore& each : all) points.push_back({each.cost, each.group->mean});
  for (const std::size_t i : pareto_front(points, metric.groups.front()->better)) all[i].on_front = true;
  std::stable_sort(all.begin(), all.end(), [](const CostedScore& a, const CostedScore& b) { return a.cost < b.cost; });
  return all;
}

std::string name_of(const ScoreGroup& group) {
  const std::string params = params_text(group.params);
  return params.empty() ? group.arm : fmt::format("{}, {}", group.arm, params);
}

Chart chart_of(const ScoreTable& metric, const std::vector<CostedScore>& points, Cost cost, int number_of_chart) {
  const ScoreGroup& first = *points.front().group;
  LineChart drawing;
  drawing.x_label = cost == Cost::seconds ? "s/image" : "evaluations";
  drawing.y_label = fmt::format("{} ({})", metric_title(metric.name), direction_text(first.better));
  drawing.alternative = fmt::format("{} against {}; the table below holds the values", metric_title(metric.name),
                                    cost == Cost::seconds ? "seconds an image" : "network evaluations an image");
  drawing.round_ticks = true;
  ChartSeries front{"Pareto front", {}}, others{"behind it", {}};
  others.joined = false;
  for (const CostedScore& each : points) {
    ChartPoint point{each.cost, each.group->mean, {}, {}};
    if (each.group->interval) {
      point.low = each.group->interval->low;
      point.high = each.group->interval->high;
    }
    (each.on_front ? front : others).points.push_back(point);
  }
  drawing.series.push_back(std::move(front));
  if (!others.points.empty()) drawing.series.push_back(std::move(others));
  Chart chart;
  chart.name = fmt::format("tradeoff-{}", number_of_chart);
  chart.alternative = drawing.alternative;
  chart.wide = line_chart_svg(drawing, wide_chart);
  chart.narrow = line_chart_svg(drawing, narrow_chart);
  return chart;
}

Table table_of(const std::vector<CostedScore>& points, Cost cost) {
  const ScoreGroup& first = *points.front().group;
  std::vector<const ScoreGroup*> groups;
  for (const CostedScore& each : points) groups.push_back(each.group);
  Table table;
  table.caption = {
      plain(fmt::format("On the front: nothing that costs as little or less has a better value (the values alone, not "
                        "their intervals). {} {}",
                        cost == Cost::seconds ? "Seconds are those of this machine, of whole batches." : "",
                        interval_note(interval_levels(groups))))};
  table.columns = {{"Arm"},
                   {cost == Cost::seconds ? "Seconds an image" : "Evaluations an image", true},
                   {metric_title(first.name), true},
                   {"Interval", true},
                   {"Seeds", true},
                   {"Pareto front"}};
  for (const CostedScore& each : points) {
    Span value = number(value_of(each.group->mean, each.group->interval));
    value.anchor = provenance_anchor(each.group->method, each.group->tier, each.group->dataset);
    table.rows.push_back({{code(name_of(*each.group))},
                          {number(format_significant(each.cost, 3))},
                          {value},
                          {number(interval_of(each.group->interval))},
                          {plain(std::to_string(each.group->values.size()))},
                          {plain(each.on_front ? "on it" : "")}});
  }
  return table;
}

}  // namespace

Section tradeoff_section(const ReportData& data, const std::vector<ScoreGroup>& groups) {
  Section section{"Quality against cost", "tradeoff", {}};
  const SamplingSeconds seconds = sampling_seconds(data.timings);
  const SamplingEvaluations evaluations = sampling_evaluations(data.scores);
  const Qualifier qualify(data.runs);
  int charts = 0;
  for (const ScoreTable& metric : tables_by_metric(groups, false)) {
    if (metric.groups.front()->better == Better::unstated || metric.name == evaluations_score) continue;
    for (const Cost cost : {Cost::seconds, Cost::evaluations}) {
      const std::vector<CostedScore> points =
          cost == Cost::seconds
              ? costed(metric, seconds, [](const ScoreRow& row) { return std::pair(row.run, row.stage); })
              : costed(metric, evaluations, [](const ScoreRow& row) { return std::pair(row.run, arm_key(row)); });
      const bool differ = std::any_of(points.begin(), points.end(),
                                      [&](const CostedScore& each) { return each.cost != points.front().cost; });
      if (!differ) continue;
      Part part{fmt::format("{} against {}{}", metric_title(metric.name),
                            cost == Cost::seconds ? "seconds" : "network evaluations",
                            qualify(metric.method, metric.tier, metric.dataset)),
                "",
                {}};
      part.blocks.push_back(chart_of(metric, points, cost, ++charts));
      part.blocks.push_back(table_of(points, cost));
      section.parts.push_back(std::move(part));
    }
  }
  return section;
}

}  // namespace assay
