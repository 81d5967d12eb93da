#include "reports/sections.h"

#include <fmt/format.h>

#include <set>

#include "core/nearest.h"
#include "reports/opening.h"
#include "reports/section_study.h"
#include "reports/study_summary.h"
#include "reports/summary.h"
#include "reports/wording.h"

namespace assay {
namespace {

/// A study has thousands of scores: its own section says what they say.
ReportData without_study(ReportData data) {
  std::set<RowId> of_study;
  for (const RunRow& run : data.runs)
    if (run.method == guidance_study) of_study.insert(run.id);
  std::erase_if(data.scores, [&](const ScoreRow& score) { return of_study.contains(score.run); });
  std::erase_if(data.comparisons, [](const ComparisonRow& row) { return row.method == guidance_study; });
  return data;
}

}  // namespace

Document make_document(const ReportData& all) {
  Document document;
  const Section study = study_section(all);
  ReportData others;
  if (!study.parts.empty()) others = without_study(all);
  const ReportData& data = study.parts.empty() ? all : others;
  const auto methods = distinct(data.runs, [](const RunRow& run) { return run.method; });
  const auto datasets = distinct(data.runs, [](const RunRow& run) { return run.dataset; });
  const auto tiers = distinct(data.runs, [](const RunRow& run) { return run.tier; });
  const auto seeds = distinct(data.runs, [](const RunRow& run) { return std::to_string(run.seed); });
  if (methods.empty()) {
    document.title = "Kernel timings";
  } else {
    document.title = join(methods) + (datasets.empty() ? "" : " on " + join(datasets));
    document.subtitle = fmt::format("{} tier \u00B7 {} {} \u00B7 {}", join(tiers), seeds.size(),
                                    seeds.size() == 1 ? "seed" : "seeds", data.runs.front().started_at.substr(0, 10));
  }
  const std::vector<ScoreGroup> groups = group_scores(data.scores, data.runs);
  document.opening = opening_of(data, groups);
  std::vector<Section> sections{overview_section(data)};
  if (data.changes) sections.push_back(data.changes->section);
  for (Section& section : std::vector<Section>{
           claims_section(data, groups), ledger_section(data), paper_tables_section(data, groups), study,
           scores_section(data, groups), comparisons_section(data), guidance_section(data, groups),
           tradeoff_section(data, groups), learning_section(data, groups), clusters_section(data, groups),
           mask_curves_section(data), images_section(data), timings_section(data), kernel_history_section(data),
           notes_section(data), provenance_section(data), protocols_section(data), artifacts_section(data)})
    sections.push_back(std::move(section));
  for (Section& section : sections)
    if (!section.parts.empty() && !section.parts.front().blocks.empty())
      document.sections.push_back(std::move(section));
  return document;
}

}  // namespace assay
