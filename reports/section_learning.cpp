#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "reports/charts.h"
#include "reports/numbers.h"
#include "reports/sections.h"
#include "reports/summary.h"
#include "reports/wording.h"

namespace assay {
namespace {

/// How far a training was when a score was taken, in 1e9 floating-point operations.
std::optional<double> operations(const nlohmann::json& params) {
  const auto it = params.find("gflop");
  return it != params.end() && it->is_number() ? std::optional<double>(it->get<double>()) : std::nullopt;
}

/// Scores of one metric along the training of several arms.
struct Curves {
  const ScoreGroup* first = nullptr;
  std::map<std::string, std::vector<const ScoreGroup*>> arms;  // by operations
};

bool belongs(const ScoreGroup& group, const ScoreGroup& first) {
  return group.method == first.method && group.tier == first.tier && group.dataset == first.dataset &&
         group.name == first.name && group.protocol_id == first.protocol_id;
}

/// Arms that were scored more than once along their training.
std::vector<Curves> curves_of(const std::vector<ScoreGroup>& groups) {
  std::vector<Curves> all;
  for (const ScoreGroup& group : groups) {
    if (!operations(group.params) || group.name == "train_seconds") continue;
    auto found = std::find_if(all.begin(), all.end(), [&](const Curves& c) { return belongs(group, *c.first); });
    if (found == all.end()) found = all.insert(all.end(), {&group, {}});
    found->arms[group.arm].push_back(&group);
  }
  for (Curves& curves : all) {
    std::erase_if(curves.arms, [](const auto& arm) { return arm.second.size() < 2; });
    for (auto& [name, points] : curves.arms)
      std::sort(points.begin(), points.end(), [](const ScoreGroup* a, const ScoreGroup* b) {
        return *operations(a->params) < *operations(b->params);
      });
  }
  std::erase_if(all, [](const Curves& curves) { return curves.arms.empty(); });
  return all;
}

/// Mean seconds that the trainings behind a score had taken.
std::optional<double> seconds_of(const std::vector<ScoreGroup>& groups, const ScoreGroup& score) {
  for (const ScoreGroup& group : groups)
    if (group.name == "train_seconds" && group.method == score.method && group.tier == score.tier &&
        group.dataset == score.dataset && group.arm == score.arm && group.params == score.params)
      return group.mean;
  return std::nullopt;
}

ChartPoint point_of(double x, const ScoreGroup& group) {
  ChartPoint point{x, group.mean, {}, {}};
  if (group.interval) {
    point.low = group.interval->low;
    point.high = group.interval->high;
  }
  return point;
}

}  // namespace

Section learning_section(const ReportData& data, const std::vector<ScoreGroup>& groups) {
  Section section{"Learning curves", "learning", {}};
  const Qualifier qualify(data.runs);
  int chart_number = 0;
  for (const Curves& curves : curves_of(groups)) {
    const ScoreGroup& first = *curves.first;
    std::vector<const ScoreGroup*> shown;
    LineChart by_operations, by_seconds;
    by_operations.x_label = "training, 10\u2079 floating-point operations";
    by_seconds.x_label = "training, seconds";
    for (const auto& [arm, points] : curves.arms) {
      ChartSeries against_operations{arm, {}}, against_seconds{arm, {}};
      for (const ScoreGroup* point : points) {
        shown.push_back(point);
        against_operations.points.push_back(point_of(*operations(point->params), *point));
        // To a tenth of a second, which the axis can show.
        if (const auto seconds = seconds_of(groups, *point))
          against_seconds.points.push_back(point_of(std::round(10 * *seconds) / 10, *point));
      }
      by_operations.series.push_back(std::move(against_operations));
      if (against_seconds.points.size() > 1) by_seconds.series.push_back(std::move(against_seconds));
    }
    const std::string name = metric_title(first.name) + " along training";
    Part part{name + qualify(first.method, first.tier, first.dataset), "", {}};
    std::vector<ScoreRow> values;
    for (const ScoreGroup* group : shown) values.insert(values.end(), group->values.begin(), group->values.end());
    const bool seeds =
        std::any_of(shown.begin(), shown.end(), [](const auto* group) { return group->values.size() > 1; });
    for (LineChart* chart : {&by_operations, &by_seconds}) {
      if (chart->series.empty()) continue;
      const bool in_seconds = chart == &by_seconds;
      chart->y_label = fmt::format("{} ({}){}", metric_title(first.name), first.protocol,
                                   first.better == Better::unstated ? "" : ", " + direction_text(first.better));
      chart->alternative =
          fmt::format("{} against {}: one line for each of {} arms; the section on scores holds the values", name,
                      in_seconds ? "seconds" : "operations", chart->series.size());
      Chart block;
      block.name = fmt::format("learning-{}", ++chart_number);
      block.alternative = chart->alternative;
      block.wide = line_chart_svg(*chart, wide_chart);
      block.narrow = line_chart_svg(*chart, narrow_chart);
      block.caption = {plain("Protocol "), link(first.protocol, protocol_anchor(first.protocol_id)),
                       plain(fmt::format("; {}n = {} a point. {}{}", seeds ? "means over seeds, " : "",
                                         count_range(values), interval_note(interval_levels(shown)),
                                         in_seconds ? " Seconds are those of training alone, means over seeds, on the "
                                                      "machine and beside the load of these runs."
                                                    : ""))};
      part.blocks.push_back(std::move(block));
    }
    section.parts.push_back(std::move(part));
  }
  return section;
}

}  // namespace assay
