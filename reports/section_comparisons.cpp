#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "reports/differences.h"
#include "reports/numbers.h"
#include "reports/pages/charts.h"
#include "reports/provenance.h"
#include "reports/sections.h"
#include "reports/wording.h"

namespace assay {
namespace {

/// Of the runs that were compared.
std::string provenance_of(const ComparisonRow& row, const std::vector<RunRow>& runs) {
  const auto found = std::find_if(runs.begin(), runs.end(), [&](const RunRow& run) {
    return run.method == row.method && (row.dataset.empty() || run.dataset == row.dataset);
  });
  return found == runs.end() ? "" : provenance_anchor(found->method, found->tier, found->dataset);
}

}  // namespace

Section comparisons_section(const ReportData& data) {
  Section section{"Paired differences", "comparisons", {}};
  std::vector<std::vector<const ComparisonRow*>> groups;
  for (const ComparisonRow& row : data.comparisons) {
    const auto key = [](const ComparisonRow& r) { return std::tie(r.method, r.dataset, r.metric, r.protocol_id); };
    const auto found =
        std::find_if(groups.begin(), groups.end(), [&](const auto& group) { return key(*group.front()) == key(row); });
    if (found != groups.end())
      found->push_back(&row);
    else
      groups.push_back({&row});
  }
  const Qualifier qualify(data.runs);
  int chart_number = 0;
  for (const auto& group : groups) {
    const ComparisonRow& first = *group.front();
    const auto any = [&](auto&& has) { return std::any_of(group.begin(), group.end(), has); };
    const bool params = any([](const ComparisonRow* row) { return !params_text(row->params).empty(); });
    const bool p_values = any([](const ComparisonRow* row) { return row->p_value.has_value(); });
    const bool adjusted = any([](const ComparisonRow* row) { return row->p_adjusted.has_value(); });

    Table table;
    table.caption = {plain("A \u2212 B of " + metric_title(first.metric) + ", protocol "),
                     link(first.protocol, protocol_anchor(first.protocol_id))};
    std::string rest;
    if (first.better != Better::unstated)
      rest += fmt::format("; {}, so a {} difference favours A", direction_text(first.better),
                          first.better == Better::lower ? "negative" : "positive");
    rest += ". Seeds are paired. " + interval_note(interval_levels(group));
    table.caption.push_back(plain(rest));
    table.columns = {{"A"}, {"B"}};
    if (params) table.columns.push_back({"Params"});
    table.columns.push_back({"Difference", true});
    table.columns.push_back({"Interval", true});
    if (p_values) table.columns.push_back({"p", true});
    if (adjusted) table.columns.push_back({"p adjusted", true});
    table.columns.push_back({"Seeds", true});
    table.columns.push_back({"A is"});

    Table single;
    single.columns = {{"A"}, {"B"}};
    if (params) single.columns.push_back({"Params"});
    std::vector<std::int64_t> seeds;
    for (const ComparisonRow* row : group)
      for (const std::int64_t seed : row->seeds)
        if (std::find(seeds.begin(), seeds.end(), seed) == seeds.end()) seeds.push_back(seed);
    for (const std::int64_t seed : seeds) single.columns.push_back({fmt::format("seed {}", seed), true});

    for (const ComparisonRow* row : group) {
      const Reading reading = reading_of(*row);
      std::vector<Text> cells{{code(row->arm_a)}, {code(name_of_b(*row))}};
      if (params) cells.push_back({plain(params_text(row->params))});
      Span value = number(value_of(row->difference, row->interval));
      value.anchor = provenance_of(*row, data.runs);
      cells.push_back({std::move(value)});
      cells.push_back({number(interval_of(row->interval))});
      if (p_values) cells.push_back({plain(row->p_value ? format_p(*row->p_value) : "")});
      if (adjusted) cells.push_back({plain(row->p_adjusted ? format_p(*row->p_adjusted) : "")});
      cells.push_back({plain(std::to_string(row->seeds.size()))});
      cells.push_back({reading_chip(reading)});
      table.rows.push_back(std::move(cells));
      table.anchors.push_back(comparison_anchor(row->id));

      std::vector<Text> values{{code(row->arm_a)}, {code(name_of_b(*row))}};
      if (params) values.push_back({plain(params_text(row->params))});
      for (const std::int64_t seed : seeds) {
        const auto place = std::find(row->seeds.begin(), row->seeds.end(), seed);
        values.push_back(
            place == row->seeds.end()
                ? Text{}
                : Text{number(value_of(row->differences[static_cast<std::size_t>(place - row->seeds.begin())],
                                       row->interval))});
      }
      single.rows.push_back(std::move(values));
    }
    ForestPlot plot = forest_plot(group);
    plot.alternative = fmt::format("Forest plot of {} paired differences of {}; the table holds the values",
                                   group.size(), metric_title(first.metric));
    Chart chart;
    chart.name = fmt::format("differences-{}", ++chart_number);
    chart.alternative = plot.alternative;
    chart.wide = forest_plot_svg(plot, wide_chart);
    chart.narrow = forest_plot_svg(plot, narrow_chart);
    chart.caption = {plain(forest_legend)};

    Part part{metric_title(first.metric) + qualify(first.method, "", first.dataset), "", {}};
    part.blocks.push_back(std::move(chart));
    part.blocks.push_back(std::move(table));
    Details details{"Differences of each seed", {}};
    details.blocks.push_back(std::move(single));
    part.blocks.push_back(std::move(details));
    section.parts.push_back(std::move(part));
  }
  return section;
}

}  // namespace assay
