#include "reports/study_summary.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "metrics/statistics/tie_groups.h"
#include "reports/claim_evidence.h"

namespace assay {
namespace {

constexpr double alpha = 0.05;

std::string text(const nlohmann::json& params, const char* key) {
  return params.is_object() && params.contains(key) && params.at(key).is_string() ? params.at(key).get<std::string>()
                                                                                  : "";
}

/// Whether a score or a comparison with these params is of a table, and of a column.
bool of_table(const StudyTable& table, const std::string& dataset, const nlohmann::json& params) {
  return dataset == table.dataset && text(params, "imbalance") == table.imbalance &&
         text(params, "conditions") == table.conditions;
}
bool of_column(const StudyColumn& column, const std::string& metric, const nlohmann::json& params) {
  return metric == column.metric && text(params, "of") == column.of;
}

StudyArmRow& row_of(StudyTable& table, const std::string& arm) {
  for (StudyArmRow& row : table.rows)
    if (row.arm == arm) return row;
  table.rows.push_back({arm, std::vector<std::optional<StudyValue>>(study_columns().size())});
  return table.rows.back();
}

StudyTable& table_of(std::vector<StudyTable>& tables, const std::string& dataset, const nlohmann::json& params) {
  for (StudyTable& table : tables)
    if (of_table(table, dataset, params)) return table;
  tables.push_back({dataset, text(params, "imbalance"), text(params, "conditions"), 0, {}});
  return tables.back();
}

/// Letters of a column, the best arm first.
void add_letters(StudyTable& table, std::size_t column, const std::vector<const ComparisonRow*>& comparisons) {
  std::vector<StudyArmRow*> ranked;
  for (StudyArmRow& row : table.rows)
    if (row.columns[column]) ranked.push_back(&row);
  const bool lower = study_columns()[column].lower;
  std::stable_sort(ranked.begin(), ranked.end(), [&](const StudyArmRow* a, const StudyArmRow* b) {
    const double x = a->columns[column]->mean.mean, y = b->columns[column]->mean.mean;
    return lower ? x < y : x > y;
  });
  const auto place = [&](const std::string& arm) {
    return std::find_if(ranked.begin(), ranked.end(), [&](const StudyArmRow* row) { return row->arm == arm; }) -
           ranked.begin();
  };
  std::vector<std::pair<std::int64_t, std::int64_t>> apart;
  bool tested = false;
  for (const ComparisonRow* row : comparisons) {
    tested = tested || row->p_adjusted.has_value();
    const auto a = place(row->arm_a), b = place(row->arm_b);
    const auto count = static_cast<std::ptrdiff_t>(ranked.size());
    if (row->p_adjusted && *row->p_adjusted < alpha && a < count && b < count) apart.emplace_back(a, b);
  }
  if (!tested) return;
  const std::vector<std::string> letters = tie_groups(static_cast<std::int64_t>(ranked.size()), apart);
  for (std::size_t i = 0; i < ranked.size(); ++i) ranked[i]->columns[column]->letters = letters[i];
}

}  // namespace

const std::vector<StudyColumn>& study_columns() {
  static const std::vector<StudyColumn> columns = {{"fd-small", "all", true}, {"recall", "tail", false}};
  return columns;
}

std::vector<StudyTable> study_tables(const std::vector<RunRow>& runs, const std::vector<ScoreRow>& scores,
                                     const std::vector<ComparisonRow>& comparisons) {
  std::map<RowId, const RunRow*> of_study;
  for (const RunRow& run : runs)
    if (run.method == guidance_study) of_study[run.id] = &run;
  const std::vector<StudyColumn>& columns = study_columns();
  std::vector<StudyTable> tables;
  std::set<std::tuple<std::string, std::string, std::string, std::string, std::size_t, std::int64_t>> known;
  for (const ScoreRow& score : scores) {
    const auto run = of_study.find(score.run);
    if (run == of_study.end() || text(score.params, "conditions").empty()) continue;
    for (std::size_t c = 0; c < columns.size(); ++c) {
      if (!of_column(columns[c], score.name, score.params)) continue;
      StudyTable& table = table_of(tables, run->second->dataset, score.params);
      // A probe repeats a cell of the study: one value a seed.
      if (!known.emplace(table.dataset, table.imbalance, table.conditions, score.arm, c, run->second->seed).second)
        continue;
      auto& value = row_of(table, score.arm).columns[c];
      if (!value) value.emplace();
      value->values.push_back(score.value);
      table.seeds = std::max(table.seeds, value->values.size());
    }
  }
  for (StudyTable& table : tables)
    for (std::size_t c = 0; c < columns.size(); ++c) {
      for (StudyArmRow& row : table.rows)
        if (row.columns[c]) row.columns[c]->mean = mean_over_seeds(row.columns[c]->values);
      std::vector<const ComparisonRow*> own;
      for (const ComparisonRow& comparison : comparisons) {
        if (comparison.method != guidance_study || !of_column(columns[c], comparison.metric, comparison.params) ||
            !of_table(table, comparison.dataset, comparison.params))
          continue;
        own.push_back(&comparison);
        auto& value = row_of(table, comparison.arm_a).columns[c];
        if (value && comparison.arm_b == "none") value->to_none = comparison;
        if (value && comparison.arm_b == "label") value->to_label = comparison;
      }
      add_letters(table, c, own);
    }
  return tables;
}

std::vector<UndecidedDifference> undecided_of_study(const std::vector<ComparisonRow>& comparisons) {
  std::vector<UndecidedDifference> undecided;
  for (const ComparisonRow& row : comparisons) {
    const bool ranked = std::any_of(study_columns().begin(), study_columns().end(), [&](const StudyColumn& column) {
      return of_column(column, row.metric, row.params);
    });
    if (row.method != guidance_study || !ranked || (row.p_adjusted && *row.p_adjusted < alpha)) continue;
    undecided.push_back({&row, std::nullopt});
    const std::vector<double>& values = row.differences;
    const bool vary = std::any_of(values.begin(), values.end(), [&](double value) { return value != values.front(); });
    if (!vary) continue;
    if (const SeedsNeeded needed = seeds_needed(values, {0.0}); needed.seeds)
      undecided.back().more_seeds = *needed.seeds - static_cast<std::int64_t>(values.size());
  }
  return undecided;
}

}  // namespace assay
