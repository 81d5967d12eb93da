#include "reports/gate/gate_section.h"

#include <fmt/format.h>

#include "core/nearest.h"
#include "core/phrases.h"
#include "reports/gate/gate_text.h"

namespace assay {
namespace {

Tone tone_of(Finding finding) {
  switch (finding) {
    case Finding::regressed:
      return Tone::bad;
    case Finding::improved:
      return Tone::good;
    case Finding::undecided:
      return Tone::caution;
    case Finding::unchanged:
      break;
  }
  return Tone::neutral;
}

Table changed_series(const GateResult& result) {
  Table table;
  table.caption = {
      plain(fmt::format("Series that changed, and those of which nothing can be said yet; {} more did not change.",
                        counted(static_cast<std::int64_t>(result.count(Finding::unchanged)), "series", "series")))};
  table.columns = {{"Series"}, {"Finding"}, {"Change"}, {"Since"}, {"Test"}};
  for (const JudgedSeries& one : result.judged) {
    if (one.judgement.finding == Finding::unchanged) continue;
    table.rows.push_back({{plain(one.series.label())},
                          {chip(name_of(one.judgement.finding), tone_of(one.judgement.finding))},
                          {number(change_words(one))},
                          {plain(join(step_words(one), "; "))},
                          {plain(test_words(one))}});
  }
  return table;
}

Details others(const char* title, const std::vector<NotCompared>& all) {
  Table table;
  table.columns = {{"Series"}, {"Why"}};
  for (const NotCompared& one : all) table.rows.push_back({{plain(one.label)}, {plain(one.why)}});
  Details details{fmt::format("{} ({})", title, all.size()), {}};
  details.blocks.push_back(std::move(table));
  return details;
}

}  // namespace

ReportedChanges reported_changes(const GateResult& result) {
  ReportedChanges changes;
  changes.headline = {link("Since the baseline", "changes"), plain(": " + headline(result) + ".")};
  if (result.regressed()) changes.headline.push_back(chip("regressed", Tone::bad));
  changes.section = {"Changes since the baseline", "changes", {}};
  Part part;
  part.blocks.push_back(Paragraph{{strong(headline(result)), plain(". " + compared_words(result) + ".")}});
  for (const std::string& note : result.notes) part.blocks.push_back(Paragraph{{plain(note + ".")}});
  if (!result.baselines.empty()) {
    if (!result.environment.empty()) {
      Table table;
      table.caption = {plain("What differs in the environment.")};
      table.columns = {{"What"}, {"Before"}, {"Now"}};
      for (const EnvironmentChange& change : result.environment)
        table.rows.push_back({{plain(change.what)}, {code(change.before)}, {code(change.after)}});
      part.blocks.push_back(std::move(table));
    }
    if (Table table = changed_series(result); !table.rows.empty()) part.blocks.push_back(std::move(table));
    if (!result.missing.empty()) part.blocks.push_back(others("Missing", result.missing));
    if (!result.fresh.empty()) part.blocks.push_back(others("New", result.fresh));
  }
  changes.section.parts.push_back(std::move(part));
  return changes;
}

}  // namespace assay
