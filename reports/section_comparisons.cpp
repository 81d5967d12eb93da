#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "reports/charts.h"
#include "reports/numbers.h"
#include "reports/sections.h"
#include "reports/wording.h"

namespace assay {
namespace {

enum class Reading { better, worse, unclear, lower, higher };

/// Clear when the interval leaves zero out and the adjusted p-value, if any, agrees.
Reading read(const ComparisonRow& row) {
  if (!row.interval || (row.interval->low <= 0 && row.interval->high >= 0)) return Reading::unclear;
  const std::optional<double> p = row.p_adjusted ? row.p_adjusted : row.p_value;
  if (p && *p >= 1 - row.interval->level) return Reading::unclear;
  const bool negative = row.difference < 0;
  if (row.better == Better::unstated) return negative ? Reading::lower : Reading::higher;
  return negative == (row.better == Better::lower) ? Reading::better : Reading::worse;
}

Span reading_chip(Reading reading) {
  switch (reading) {
    case Reading::better:
      return chip("better", Tone::good);
    case Reading::worse:
      return chip("worse", Tone::bad);
    case Reading::lower:
      return chip("lower", Tone::neutral);
    case Reading::higher:
      return chip("higher", Tone::neutral);
    case Reading::unclear:
      break;
  }
  return chip("unclear", Tone::caution);
}

Tone tone_of(Reading reading) {
  return reading == Reading::better ? Tone::good : reading == Reading::worse ? Tone::bad : Tone::neutral;
}

/// Of one arm with itself, B says which of its scores it is.
std::string name_of_b(const ComparisonRow& row) {
  const std::string params = params_text(row.params_b);
  return row.arm_a != row.arm_b || params.empty() ? row.arm_b : row.arm_b + ", " + params;
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

    ForestPlot plot;
    plot.x_label = fmt::format("difference of {} ({})", metric_title(first.metric), first.protocol);
    if (first.better != Better::unstated) {
      const bool lower = first.better == Better::lower;
      plot.left_label = lower ? "A better" : "B better";
      plot.right_label = lower ? "B better" : "A better";
    }
    for (const ComparisonRow* row : group) {
      const Reading reading = read(*row);
      std::vector<Text> cells{{code(row->arm_a)}, {code(name_of_b(*row))}};
      if (params) cells.push_back({plain(params_text(row->params))});
      cells.push_back({number(value_of(row->difference, row->interval))});
      cells.push_back({number(interval_of(row->interval))});
      if (p_values) cells.push_back({plain(row->p_value ? format_p(*row->p_value) : "")});
      if (adjusted) cells.push_back({plain(row->p_adjusted ? format_p(*row->p_adjusted) : "")});
      cells.push_back({plain(std::to_string(row->seeds.size()))});
      cells.push_back({reading_chip(reading)});
      table.rows.push_back(std::move(cells));

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

      ForestRow drawn;
      drawn.label = row->arm_a + " \u2212 " + name_of_b(*row);
      drawn.detail = params_text(row->params);
      drawn.value = row->difference;
      if (row->interval) {
        drawn.low = row->interval->low;
        drawn.high = row->interval->high;
      }
      if (row->differences.size() > 1) drawn.points = row->differences;
      drawn.tone = tone_of(reading);
      plot.rows.push_back(std::move(drawn));
    }
    plot.alternative = fmt::format("Forest plot of {} paired differences of {}; the table holds the values",
                                   group.size(), metric_title(first.metric));
    Chart chart;
    chart.name = fmt::format("differences-{}", ++chart_number);
    chart.alternative = plot.alternative;
    chart.wide = forest_plot_svg(plot, wide_chart);
    chart.narrow = forest_plot_svg(plot, narrow_chart);
    chart.caption = {plain("Square: mean over seeds, with its interval. Dots: single seeds.")};

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
