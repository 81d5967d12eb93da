#include "reports/section_study.h"

#include <fmt/format.h>

#include <algorithm>

#include "reports/differences.h"
#include "reports/numbers.h"
#include "reports/study_summary.h"
#include "reports/wording.h"

namespace assay {
namespace {

/// "-1.2 [-2.0, -0.4]", with what it says of the arm.
Text difference_cell(const std::optional<ComparisonRow>& row) {
  if (!row) return {};
  Text cell = {number(value_of(row->difference, row->interval))};
  if (row->interval) cell.push_back(number(" " + interval_of(row->interval)));
  cell.push_back(plain(" "));
  cell.push_back(reading_chip(reading_of(*row)));
  return cell;
}

Table table_of(const StudyTable& found, std::size_t column) {
  const StudyColumn& of = study_columns()[column];
  Table table;
  table.caption = {
      plain(fmt::format("{} ({} classes) against the balanced reference, {} is better; {} {}. Arms with a "
                        "letter in common were not told apart (Holm, 5 %).",
                        metric_title(of.metric), of.of, of.lower ? "lower" : "higher", found.seeds,
                        found.seeds == 1 ? "seed" : "seeds"))};
  table.columns = {{"Guidance"}, {"Mean", true}, {"Interval", true}, {"Letters"}, {"Less none"}, {"Less label"}};
  for (const StudyArmRow& row : found.rows) {
    const std::optional<StudyValue>& value = row.columns[column];
    if (!value) continue;
    table.rows.push_back({{code(row.arm)},
                          {number(value_of(value->mean.mean, value->mean.interval))},
                          {number(interval_of(value->mean.interval))},
                          {plain(value->letters)},
                          difference_cell(value->to_none),
                          difference_cell(value->to_label)});
  }
  return table;
}

}  // namespace

Section study_section(const ReportData& data) {
  Section section{"Guidance on imbalanced data", "study", {}};
  for (const StudyTable& table : study_tables(data.runs, data.scores, data.comparisons)) {
    Part part{fmt::format("{}, imbalance {}, conditions {}", table.dataset, table.imbalance, table.conditions), "", {}};
    for (std::size_t column = 0; column < study_columns().size(); ++column)
      part.blocks.push_back(table_of(table, column));
    section.parts.push_back(std::move(part));
  }
  return section;
}

}  // namespace assay
