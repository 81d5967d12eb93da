#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "core/mask_curve_names.h"
#include "reports/numbers.h"
#include "reports/pages/charts.h"
#include "reports/sections.h"
#include "reports/wording.h"

namespace assay {
namespace {

/// So many lines can be told apart.
constexpr std::size_t most_lines = 7;

/// The sum of some values and how many they are.
struct Sum {
  double sum = 0.0;
  int count = 0;

  void add(double value) {
    sum += value;
    ++count;
  }
  double mean() const { return sum / count; }
};

/// The curves of one arm by level, over the seeds that recorded them.
struct ArmCurves {
  std::string arm;
  std::map<std::int64_t, Sum> precision, recall, f;
  std::set<RowId> runs;

  /// The level at which F is largest. `f` is not empty.
  std::int64_t best() const {
    return std::max_element(f.begin(), f.end(),
                            [](const auto& a, const auto& b) { return a.second.mean() < b.second.mean(); })
        ->first;
  }
};

/// Of the runs of one method, tier and data set.
struct CurvesTogether {
  const RunRow* run = nullptr;  // the first one
  std::vector<ArmCurves> arms;
};

std::vector<CurvesTogether> curves_together(const ReportData& data) {
  std::map<RowId, const RunRow*> runs;
  for (const RunRow& run : data.runs) runs[run.id] = &run;
  std::vector<CurvesTogether> all;
  for (const CurveRow& curve : data.curves) {
    const std::optional<MaskCurveName> name = read_mask_curve_name(curve.name);
    if (!name) continue;
    const RunRow& run = *runs.at(curve.run);
    auto found = std::find_if(all.begin(), all.end(), [&](const CurvesTogether& each) {
      return each.run->method == run.method && each.run->tier == run.tier && each.run->dataset == run.dataset;
    });
    if (found == all.end()) found = all.insert(found, CurvesTogether{&run, {}});
    auto arm = std::find_if(found->arms.begin(), found->arms.end(),
                            [&](const ArmCurves& each) { return each.arm == name->arm; });
    if (arm == found->arms.end()) arm = found->arms.insert(arm, ArmCurves{name->arm, {}, {}, {}, {}});
    arm->runs.insert(curve.run);
    std::map<std::int64_t, Sum>& values = name->kind == MaskCurve::precision ? arm->precision
                                          : name->kind == MaskCurve::recall  ? arm->recall
                                                                             : arm->f;
    for (std::size_t i = 0; i < curve.values.size(); ++i) values[curve.steps[i]].add(curve.values[i]);
  }
  for (CurvesTogether& each : all) {
    std::erase_if(each.arms, [](const ArmCurves& arm) { return arm.f.empty(); });
    std::stable_sort(each.arms.begin(), each.arms.end(), [](const ArmCurves& a, const ArmCurves& b) {
      return a.f.at(a.best()).mean() > b.f.at(b.best()).mean();
    });
  }
  std::erase_if(all, [](const CurvesTogether& each) { return each.arms.empty(); });
  return all;
}

Chart finished(LineChart drawing, const std::string& name) {
  drawing.round_ticks = true;
  Chart chart;
  chart.name = name;
  chart.alternative = drawing.alternative;
  chart.wide = line_chart_svg(drawing, wide_chart);
  chart.narrow = line_chart_svg(drawing, narrow_chart);
  return chart;
}

/// None where no arm has both precision and recall.
std::optional<Chart> precision_recall_chart(const std::vector<ArmCurves>& arms, const std::string& name) {
  LineChart drawing;
  drawing.x_label = "recall";
  drawing.y_label = "precision";
  for (const ArmCurves& arm : arms) {
    if (drawing.series.size() == most_lines) break;
    ChartSeries line{arm.arm, {}};
    for (const auto& [level, recall] : arm.recall)
      if (const auto found = arm.precision.find(level); found != arm.precision.end())
        line.points.push_back({recall.mean(), found->second.mean(), std::nullopt, std::nullopt});
    std::stable_sort(line.points.begin(), line.points.end(),
                     [](const ChartPoint& a, const ChartPoint& b) { return a.x < b.x; });
    if (!line.points.empty()) drawing.series.push_back(std::move(line));
  }
  if (drawing.series.empty()) return std::nullopt;
  drawing.alternative =
      fmt::format("Precision against recall over grey levels: one line for each of {} arms", drawing.series.size());
  return finished(std::move(drawing), name);
}

Chart f_chart(const std::vector<ArmCurves>& arms, const std::string& name) {
  LineChart drawing;
  drawing.x_label = "grey level";
  drawing.y_label = "F, higher is better";
  for (const ArmCurves& arm : arms) {
    if (drawing.series.size() == most_lines) break;
    ChartSeries line{arm.arm, {}};
    for (const auto& [level, value] : arm.f)
      line.points.push_back({static_cast<double>(level), value.mean(), std::nullopt, std::nullopt});
    drawing.series.push_back(std::move(line));
  }
  drawing.alternative = fmt::format("F against the grey level: one line for each of {} arms", drawing.series.size());
  return finished(std::move(drawing), name);
}

Table best_table(const std::vector<ArmCurves>& arms) {
  Table table;
  table.caption = {plain(fmt::format(
      "Where F is largest along the levels that were recorded, means over seeds{}. The scores have max F over every "
      "level, with intervals.",
      arms.size() > most_lines ? fmt::format("; drawn are the first {}", most_lines) : ""))};
  table.columns = {{"Arm"}, {"F", true}, {"Level", true}, {"Precision", true}, {"Recall", true}, {"Seeds", true}};
  for (const ArmCurves& arm : arms) {
    const std::int64_t best = arm.best();
    const auto at = [&](const std::map<std::int64_t, Sum>& values) {
      const auto found = values.find(best);
      return found == values.end() ? Text{} : Text{number(format_significant(found->second.mean(), 3))};
    };
    table.rows.push_back({{code(arm.arm)},
                          at(arm.f),
                          {plain(std::to_string(best))},
                          at(arm.precision),
                          at(arm.recall),
                          {plain(std::to_string(arm.runs.size()))}});
  }
  return table;
}

}  // namespace

Section mask_curves_section(const ReportData& data) {
  Section section{"Mask curves", "mask-curves", {}};
  const Qualifier qualify(data.runs);
  int charts = 0;
  for (const CurvesTogether& each : curves_together(data)) {
    Part part{"Precision, recall and F over grey levels" + qualify(each.run->method, each.run->tier, each.run->dataset),
              "",
              {}};
    if (auto chart = precision_recall_chart(each.arms, fmt::format("mask-curves-{}", ++charts)))
      part.blocks.push_back(std::move(*chart));
    part.blocks.push_back(f_chart(each.arms, fmt::format("mask-curves-{}", ++charts)));
    part.blocks.push_back(best_table(each.arms));
    section.parts.push_back(std::move(part));
  }
  return section;
}

}  // namespace assay
