#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

#include "reports/numbers.h"
#include "reports/pages/charts.h"
#include "reports/sections.h"
#include "reports/summary.h"
#include "reports/wording.h"

namespace assay {
namespace {

/// The newest batches that a drawing shows, and the kernels whose times changed most.
constexpr std::size_t most_batches = 40, most_lines = 6;

/// Median seconds of one kernel in the batches that timed it.
struct KernelHistory {
  const TimingRow* first = nullptr;
  std::map<RowId, double> medians;

  double ratio() const { return medians.rbegin()->second / medians.begin()->second; }
};

std::vector<KernelHistory> histories_of(const std::vector<TimingRow>& timings) {
  using Key = std::tuple<std::string, std::string, std::string, std::string, std::string, std::int64_t, std::string>;
  std::map<Key, std::size_t> places;
  std::vector<KernelHistory> all;
  std::vector<std::map<RowId, std::vector<double>>> seconds;
  for (const TimingRow& row : timings) {
    const std::string cpu =
        row.machine.is_object() && row.machine.contains("cpu") ? value_text(row.machine["cpu"]) : std::string();
    const auto [place, is_new] =
        places.try_emplace({row.op, row.variant, row.shape, row.dtype, row.device, row.threads, cpu}, all.size());
    if (is_new) {
      all.push_back({&row, {}});
      seconds.emplace_back();
    }
    seconds[place->second][row.batch].push_back(row.seconds);
  }
  for (std::size_t i = 0; i < all.size(); ++i)
    for (auto& [batch, values] : seconds[i])
      if (const double median = summarise_median(std::move(values)).median; median > 0) all[i].medians[batch] = median;
  std::erase_if(all, [](const KernelHistory& history) { return history.medians.size() < 2; });
  std::stable_sort(all.begin(), all.end(), [](const KernelHistory& a, const KernelHistory& b) {
    return std::abs(std::log(a.ratio())) > std::abs(std::log(b.ratio()));
  });
  return all;
}

std::string name_of(const TimingRow& row) {
  std::string name = row.op;
  for (const std::string& part : {row.variant, row.shape})
    if (!part.empty()) name += " " + part;
  return name;
}

std::string time_text(double seconds) {
  const TimeUnit unit = time_unit(seconds);
  return fmt::format("{} {}", format_significant(seconds / unit.seconds, 3), unit.name);
}

Chart chart_of(const std::vector<KernelHistory>& histories) {
  std::vector<RowId> batches;
  for (const KernelHistory& history : histories)
    for (const auto& [batch, median] : history.medians) batches.push_back(batch);
  std::sort(batches.begin(), batches.end());
  batches.erase(std::unique(batches.begin(), batches.end()), batches.end());
  const RowId from = batches[batches.size() - std::min(batches.size(), most_batches)];

  LineChart drawing;
  drawing.x_label = "batch";
  drawing.y_label = "time, as a multiple of the first one";
  drawing.round_ticks = batches.size() > 12;
  drawing.alternative = fmt::format("Times of the {} kernels that changed most, over batches; the table holds all",
                                    std::min(histories.size(), most_lines));
  for (const KernelHistory& history : histories) {
    if (drawing.series.size() == most_lines) break;
    ChartSeries line{name_of(*history.first), {}};
    for (const auto& [batch, median] : history.medians)
      if (batch >= from)
        line.points.push_back(
            {static_cast<double>(batch), median / history.medians.begin()->second, std::nullopt, std::nullopt});
    if (!line.points.empty()) drawing.series.push_back(std::move(line));
  }
  Chart chart;
  chart.name = "kernel-history";
  chart.alternative = drawing.alternative;
  chart.wide = line_chart_svg(drawing, wide_chart);
  chart.narrow = line_chart_svg(drawing, narrow_chart);
  return chart;
}

}  // namespace

Section kernel_history_section(const ReportData& data) {
  Section section{"Kernel history", "kernel-history", {}};
  const std::vector<KernelHistory> histories = histories_of(data.kernel_history);
  if (histories.empty()) return section;
  Table table;
  table.caption = {plain(
      "Medians over the repetitions of a batch, on one processor with one number of threads; those that changed most "
      "come first. Whether a change is more than the machine's own scatter, the section on changes says.")};
  table.columns = {{"Kernel"},     {"Device"},           {"Batches", true}, {"First", true},
                   {"Last", true}, {"Last/first", true}, {"Slowest", true}};
  for (const KernelHistory& history : histories) {
    const auto slowest = std::max_element(history.medians.begin(), history.medians.end(),
                                          [](const auto& a, const auto& b) { return a.second < b.second; });
    table.rows.push_back({{code(name_of(*history.first))},
                          {plain(fmt::format("{}, {} threads", history.first->device, history.first->threads))},
                          {plain(std::to_string(history.medians.size()))},
                          {number(time_text(history.medians.begin()->second))},
                          {number(time_text(history.medians.rbegin()->second))},
                          {number(format_significant(history.ratio(), 3))},
                          {plain(fmt::format("{} in batch {}", time_text(slowest->second), slowest->first))}});
  }
  Part part;
  part.blocks.push_back(chart_of(histories));
  part.blocks.push_back(std::move(table));
  section.parts.push_back(std::move(part));
  return section;
}

}  // namespace assay
