#include "reports/gate/gate_markdown.h"

#include <fmt/format.h>

#include "reports/gate/gate_text.h"
#include "reports/pages/escape.h"

namespace assay {
namespace {

void append_table(std::string& text, const GateResult& result, Finding finding) {
  if (result.count(finding) == 0) return;
  std::string title = name_of(finding);
  title.front() = static_cast<char>(title.front() - 'a' + 'A');
  text += fmt::format("\n## {}\n\n| series | change | since | test |\n| --- | --- | --- | --- |\n", title);
  for (const JudgedSeries& one : result.judged) {
    if (one.judgement.finding != finding) continue;
    std::string steps;
    for (const std::string& line : step_words(one)) steps += (steps.empty() ? "" : "<br>") + escape_markdown(line);
    text += fmt::format("| {} | {} | {} | {} |\n", escape_markdown(one.series.label()),
                        escape_markdown(change_words(one)), steps, escape_markdown(test_words(one)));
  }
}

void append_list(std::string& text, const char* title, const std::vector<NotCompared>& all) {
  if (all.empty()) return;
  text += fmt::format("\n## {}\n\n", title);
  for (const NotCompared& one : all)
    text += fmt::format("- {}: {}\n", escape_markdown(one.label), escape_markdown(one.why));
}

}  // namespace

std::string gate_markdown(const GateResult& result) {
  std::string text =
      fmt::format("# {}\n\n{}.\n", escape_markdown(headline(result)), escape_markdown(compared_words(result)));
  if (!result.environment.empty()) {
    text += "\n| environment | before | after |\n| --- | --- | --- |\n";
    for (const EnvironmentChange& change : result.environment)
      text += fmt::format("| {} | {} | {} |\n", escape_markdown(change.what), escape_markdown(change.before),
                          escape_markdown(change.after));
  }
  for (const std::string& note : result.notes) text += fmt::format("\n{}.\n", escape_markdown(note));
  if (!result.failed.empty()) text += "\n## Unfinished runs\n\n";
  for (const FailedRun& run : result.failed)
    text += fmt::format("- run {} ({}) is {}{}{}\n", run.run, escape_markdown(run.what), run.status,
                        run.reason.empty() ? "" : ": ", escape_markdown(run.reason));
  for (const Finding finding : {Finding::regressed, Finding::improved, Finding::undecided})
    append_table(text, result, finding);
  append_list(text, "Missing", result.missing);
  append_list(text, "New", result.fresh);
  return text;
}

}  // namespace assay
