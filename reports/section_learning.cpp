#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "core/mask_curve_names.h"
#include "reports/numbers.h"
#include "reports/pages/charts.h"
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

/// One kind of loss in the runs of one method, tier and data set: for each network the values of all seeds by step.
struct Losses {
  const RunRow* run = nullptr;  // the first one
  std::string name;
  std::vector<std::pair<std::string, std::map<std::int64_t, std::vector<double>>>> networks;
};

std::vector<Losses> losses_of(const ReportData& data) {
  std::map<RowId, const RunRow*> runs;
  for (const RunRow& run : data.runs) runs[run.id] = &run;
  std::vector<Losses> all;
  for (const CurveRow& curve : data.curves) {
    if (read_mask_curve_name(curve.name)) continue;
    const RunRow& run = *runs.at(curve.run);
    auto found = std::find_if(all.begin(), all.end(), [&](const Losses& losses) {
      return losses.name == curve.name && losses.run->method == run.method && losses.run->tier == run.tier &&
             losses.run->dataset == run.dataset;
    });
    if (found == all.end()) found = all.insert(all.end(), {&run, curve.name, {}});
    const std::string network = curve.stage.starts_with("train:") ? curve.stage.substr(6) : curve.stage;
    auto line = std::find_if(found->networks.begin(), found->networks.end(),
                             [&](const auto& known) { return known.first == network; });
    if (line == found->networks.end()) line = found->networks.insert(line, {network, {}});
    for (std::size_t i = 0; i < curve.values.size(); ++i) line->second[curve.steps[i]].push_back(curve.values[i]);
  }
  return all;
}

/// At most this many points of a line, so that its markers can be told apart.
constexpr std::size_t most_points = 25;

/// The line of a network: each point the mean over seeds and, where there are many, over neighbouring steps.
ChartSeries loss_line(const std::string& network, const std::map<std::int64_t, std::vector<double>>& by_step) {
  ChartSeries line{network, {}};
  const std::size_t together = (by_step.size() + most_points - 1) / most_points;
  double sum = 0.0;
  std::size_t count = 0, steps = 0;
  for (const auto& [step, values] : by_step) {
    for (const double value : values) sum += value;
    count += values.size();
    if (++steps % together != 0 && steps != by_step.size()) continue;
    line.points.push_back({static_cast<double>(step), sum / static_cast<double>(count), {}, {}});
    sum = 0.0;
    count = 0;
  }
  return line;
}

Part loss_part(const Losses& losses, const std::string& qualifier, int chart_number) {
  const std::string kind = losses.name.starts_with("loss: ") ? losses.name.substr(6) : losses.name;
  LineChart chart;
  chart.x_label = "training, steps";
  chart.y_label = fmt::format("loss ({}), lower is better", kind);
  for (const auto& [network, by_step] : losses.networks) chart.series.push_back(loss_line(network, by_step));
  Part part{fmt::format("Loss along training: {}{}", kind, qualifier), "", {}};
  Chart block;
  block.name = fmt::format("learning-{}", chart_number);
  block.alternative = chart.alternative =
      fmt::format("{} against steps: one line for each of {} networks", part.title, chart.series.size());
  block.wide = line_chart_svg(chart, wide_chart);
  block.narrow = line_chart_svg(chart, narrow_chart);
  block.caption = {
      plain("Means over seeds and over equal shares of the steps, on the images and noise that the steps "
            "were taken on.")};
  part.blocks.push_back(std::move(block));
  return part;
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
  for (const Losses& losses : losses_of(data))
    section.parts.push_back(
        loss_part(losses, qualify(losses.run->method, losses.run->tier, losses.run->dataset), ++chart_number));
  return section;
}

}  // namespace assay
