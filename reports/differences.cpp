#include "reports/differences.h"

#include <fmt/format.h>

#include <utility>

#include "reports/wording.h"

namespace assay {
namespace {

Tone tone_of(Reading reading) {
  return reading == Reading::better ? Tone::good : reading == Reading::worse ? Tone::bad : Tone::neutral;
}

}  // namespace

Reading reading_of(const ComparisonRow& row) {
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

std::string name_of_b(const ComparisonRow& row) {
  const std::string params = params_text(row.params_b);
  return row.arm_a != row.arm_b || params.empty() ? row.arm_b : row.arm_b + ", " + params;
}

ForestPlot forest_plot(const std::vector<const ComparisonRow*>& rows) {
  const ComparisonRow& first = *rows.front();
  ForestPlot plot;
  plot.x_label = first.metric == first.protocol
                     ? fmt::format("difference of {}", first.metric)
                     : fmt::format("difference of {} ({})", metric_title(first.metric), first.protocol);
  if (first.better != Better::unstated) {
    const bool lower = first.better == Better::lower;
    plot.left_label = lower ? "A better" : "B better";
    plot.right_label = lower ? "B better" : "A better";
  }
  plot.rows.reserve(rows.size());
  for (const ComparisonRow* row : rows) {
    ForestRow drawn;
    drawn.label = row->arm_a + " \u2212 " + name_of_b(*row);
    drawn.detail = params_text(row->params);
    drawn.value = row->difference;
    if (row->interval) {
      drawn.low = row->interval->low;
      drawn.high = row->interval->high;
    }
    if (row->differences.size() > 1) drawn.points = row->differences;
    drawn.tone = tone_of(reading_of(*row));
    plot.rows.push_back(std::move(drawn));
  }
  return plot;
}

}  // namespace assay
