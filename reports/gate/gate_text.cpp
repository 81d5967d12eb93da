#include "reports/gate/gate_text.h"

#include <fmt/format.h>

#include <cmath>

#include "core/nearest.h"
#include "core/phrases.h"
#include "reports/numbers.h"
#include "reports/wording.h"

namespace assay {
namespace {

std::string batch_words(const GateBatch& batch) {
  return fmt::format("batch {} of {}", batch.id, date_text(batch.created_at));
}

std::string batches_in_words(const std::vector<GateBatch>& batches) {
  std::vector<std::string> ids;
  ids.reserve(batches.size());
  for (const GateBatch& batch : batches) ids.push_back(std::to_string(batch.id));
  return fmt::format("{} {}", ids.size() == 1 ? "batch" : "batches", join(ids));
}

std::string seconds_words(double seconds) {
  const TimeUnit unit = time_unit(seconds);
  return fmt::format("{} {}", format_significant(seconds / unit.seconds, 4), unit.name);
}

/// "5.0 % slower", "3.1 % faster".
std::string share_words(double change) {
  return fmt::format("{} % {}", format_significant(100.0 * std::abs(change), 2), change > 0.0 ? "slower" : "faster");
}

std::string signed_words(double change, const std::optional<ScoreInterval>& interval) {
  const std::string text =
      interval ? format_value(change, interval->low, interval->high) : format_significant(change, 3);
  return fmt::format("{}{}", change > 0.0 ? "+" : "", text);
}

std::string step_change(const JudgedSeries& one, double change) {
  return one.series.kind == SeriesKind::speed ? share_words(change) : signed_words(change, std::nullopt);
}

void append_all(std::string& text, const char* title, const std::vector<NotCompared>& all) {
  if (all.empty()) return;
  text += fmt::format("{}\n", title);
  for (const NotCompared& one : all) text += fmt::format("  {}: {}\n", one.label, one.why);
}

}  // namespace

std::string headline(const GateResult& result) {
  if (result.baselines.empty())
    return "no baseline is accepted yet, so nothing is compared; `assay baseline accept` accepts this batch";
  const auto total = static_cast<std::int64_t>(result.judged.size());
  if (total > 0 && !result.regressed() && result.compared_with_itself() == result.judged.size())
    return fmt::format(
        "nothing compared: {} {} its own baseline, so no change can be seen; `--baseline` names an earlier batch, or "
        "`assay baseline accept` accepts one",
        batches_in_words(result.batches), result.batches.size() == 1 ? "is" : "are each");
  return fmt::format(
      "{}: {} of {} got worse, {} improved, {} unchanged, {} undecided{}{}",
      result.regressed()      ? "REGRESSED"
      : result.judged.empty() ? "nothing compared"
                              : "no regression",
      result.count(Finding::regressed), counted(total, "series", "series"), result.count(Finding::improved),
      result.count(Finding::unchanged), result.count(Finding::undecided),
      result.missing.empty() ? "" : fmt::format(", {} missing", result.missing.size()),
      result.failed.empty() ? "" : fmt::format(", {} unfinished", counted(std::ssize(result.failed), "run")));
}

std::string compared_words(const GateResult& result) {
  std::vector<std::string> batches, baselines;
  for (const GateBatch& batch : result.batches) batches.push_back(batch_words(batch));
  for (const GateBatch& batch : result.baselines)
    baselines.push_back(batch.name.empty() ? batch_words(batch)
                                           : fmt::format("{} ({})", batch.name, batch_words(batch)));
  return fmt::format("{}{}", join(batches, " and "),
                     baselines.empty() ? "" : " against baseline " + join(baselines, " and "));
}

std::string change_words(const JudgedSeries& one) {
  const Judgement& judgement = one.judgement;
  const std::optional<ScoreInterval>& interval = judgement.interval;
  if (one.series.whole_machine)
    return fmt::format(
        "{}{}", judgement.change == 0.0 ? "no difference" : share_words(judgement.change),
        interval ? fmt::format(" {} %", format_interval(100.0 * interval->low, 100.0 * interval->high)) : "");
  if (one.series.kind == SeriesKind::speed)
    return fmt::format(
        "{} -> {}{}{}: {}{}", seconds_words(judgement.before), seconds_words(judgement.after),
        one.series.unit.empty() ? "" : " for one of its ", one.series.unit,
        judgement.change == 0.0 ? "no difference" : share_words(judgement.change),
        interval ? fmt::format(" {} %", format_interval(100.0 * interval->low, 100.0 * interval->high)) : "");
  const std::string unit = fmt::format("{}{}", one.series.unit.empty() ? "" : " ", one.series.unit);
  const std::optional<double> low = interval ? std::optional(interval->low) : std::nullopt;
  const std::optional<double> high = interval ? std::optional(interval->high) : std::nullopt;
  return fmt::format("{} -> {}{}: {}{}", format_value(judgement.before, low, high),
                     format_value(judgement.after, low, high), unit, signed_words(judgement.change, interval),
                     interval ? fmt::format(" {}", format_interval(interval->low, interval->high)) : "");
}

std::vector<std::string> step_words(const JudgedSeries& one) {
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < one.judgement.steps.size(); ++i) {
    const GateStep& step = one.judgement.steps[i];
    const std::string changes = in_words(one.step_changes[i]);
    lines.push_back(fmt::format("since batch {}{}: {}; {}", step.batch,
                                step.run == 0 ? "" : fmt::format(" (run {})", step.run), step_change(one, step.change),
                                changes.empty() ? "no difference of environment recorded" : changes));
  }
  return lines;
}

std::string test_words(const JudgedSeries& one) {
  const Judgement& judgement = one.judgement;
  std::vector<std::string> parts;
  if (judgement.interval) parts.push_back(judgement.interval->method);
  if (judgement.p_value) parts.push_back("p " + format_p(*judgement.p_value));
  if (judgement.p_adjusted) parts.push_back("Holm " + format_p(*judgement.p_adjusted));
  if (judgement.least > 0.0)
    parts.push_back(one.series.kind == SeriesKind::speed
                        ? fmt::format("counts from {} % on", format_significant(100.0 * judgement.least, 2))
                        : fmt::format("counts from {} on", format_significant(judgement.least, 2)));
  parts.push_back(counted(judgement.nights, "night"));
  if (!judgement.note.empty()) parts.push_back(judgement.note);
  return join(parts, "; ");
}

std::string gate_text(const GateResult& result) {
  std::string text = headline(result) + "\n" + compared_words(result) + "\n";
  if (!result.environment.empty()) text += fmt::format("environment: {}\n", in_words(result.environment));
  for (const std::string& note : result.notes) text += note + "\n";
  if (!result.failed.empty()) text += "unfinished runs\n";
  for (const FailedRun& run : result.failed)
    text += fmt::format("  run {} ({}) is {}{}{}\n", run.run, run.what, run.status, run.reason.empty() ? "" : ": ",
                        run.reason);
  std::string before;
  for (const JudgedSeries& one : result.judged) {
    if (one.judgement.finding == Finding::unchanged) continue;
    const std::string finding = name_of(one.judgement.finding);
    if (finding != before) text += finding + "\n";
    before = finding;
    text += fmt::format("  {}\n    {}\n", one.series.label(), change_words(one));
    for (const std::string& line : step_words(one)) text += "    " + line + "\n";
    text += "    " + test_words(one) + "\n";
  }
  append_all(text, "missing", result.missing);
  append_all(text, "new", result.fresh);
  return text;
}

}  // namespace assay
