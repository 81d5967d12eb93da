#include "reports/gate/gate_junit.h"

#include <fmt/format.h>

#include "reports/gate/gate_text.h"
#include "reports/pages/escape.h"

namespace assay {
namespace {

struct Suite {
  std::string name, cases;
  int tests = 0, failures = 0, skipped = 0;

  /// `element`: "failure", "skipped", or nothing for a case that passed, whose text is its output.
  void add(const std::string& class_name, const std::string& case_name, const std::string& element,
           const std::string& message, const std::string& text) {
    ++tests;
    failures += element == "failure" ? 1 : 0;
    skipped += element == "skipped" ? 1 : 0;
    cases += fmt::format("    <testcase classname=\"{}\" name=\"{}\" time=\"0\">\n", escape_html(class_name),
                         escape_html(case_name));
    if (element == "failure")
      cases += fmt::format("      <failure type=\"regression\" message=\"{}\">{}</failure>\n", escape_html(message),
                           escape_html(text));
    else if (element == "skipped")
      cases += fmt::format("      <skipped message=\"{}\"/>\n", escape_html(message));
    else
      cases += fmt::format("      <system-out>{}</system-out>\n", escape_html(text));
    cases += "    </testcase>\n";
  }

  void append_to(std::string& xml) const {
    if (tests > 0)
      xml += fmt::format(
          "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"{}\" time=\"0\">\n{}  "
          "</testsuite>\n",
          name, tests, failures, skipped, cases);
  }
};

void add_judged(Suite& suite, const JudgedSeries& one) {
  std::string text = change_words(one) + "\n";
  for (const std::string& line : step_words(one)) text += line + "\n";
  text += test_words(one);
  const std::string class_name = one.series.scope.empty() ? "timings" : one.series.scope;
  switch (one.judgement.finding) {
    case Finding::regressed:
      suite.add(class_name, one.series.subject, "failure", change_words(one), text);
      break;
    case Finding::undecided:
      suite.add(class_name, one.series.subject, "skipped", "undecided: " + one.judgement.note, "");
      break;
    case Finding::improved:
    case Finding::unchanged:
      suite.add(class_name, one.series.subject, "", "", text);
      break;
  }
}

}  // namespace

std::string gate_junit(const GateResult& result) {
  Suite quality{"quality", ""}, speed{"speed", ""}, records{"records", ""};
  for (const JudgedSeries& one : result.judged)
    add_judged(one.series.kind == SeriesKind::quality ? quality : speed, one);
  const std::string lacking = result.strict ? "failure" : "skipped";
  for (const NotCompared& one : result.missing) records.add("missing", one.label, lacking, one.why, one.why);
  for (const FailedRun& run : result.failed) {
    const std::string why = run.reason.empty() ? run.status : run.status + ": " + run.reason;
    records.add("runs", fmt::format("run {} ({})", run.run, run.what), lacking, why, why);
  }
  for (const NotCompared& one : result.fresh) records.add("new", one.label, "skipped", one.why, "");
  if (result.baselines.empty()) records.add("baseline", "comparison", "skipped", headline(result), "");
  std::string suites;
  int tests = 0, failures = 0, skipped = 0;
  for (const Suite* const suite : {&quality, &speed, &records}) {
    suite->append_to(suites);
    tests += suite->tests;
    failures += suite->failures;
    skipped += suite->skipped;
  }
  return fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"assay regress\" tests=\"{}\" failures=\"{}\" "
      "errors=\"0\" skipped=\"{}\" time=\"0\">\n{}</testsuites>\n",
      tests, failures, skipped, suites);
}

}  // namespace assay
