#include "app/metric/metric_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iostream>

#include "bench/harness/machine.h"
#include "core/elapsed.h"
#include "core/error.h"
#include "reports/numbers.h"
#include "store/recorder.h"

namespace assay {
namespace {

/// Columns of `text` on a terminal, where every code point takes one.
std::size_t columns(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

/// Lines up the cells; those of the columns in `right` stand at the right.
void print_table(const std::vector<std::vector<std::string>>& lines, const std::vector<bool>& right) {
  std::vector<std::size_t> widths(right.size(), 0);
  for (const auto& line : lines)
    for (std::size_t c = 0; c < line.size(); ++c) widths[c] = std::max(widths[c], columns(line[c]));
  for (const auto& line : lines) {
    std::string text;
    for (std::size_t c = 0; c < line.size(); ++c) {
      if (widths[c] == 0) continue;
      const std::string pad(widths[c] - columns(line[c]), ' ');
      text += (right[c] ? pad + line[c] : line[c] + pad) + "  ";
    }
    while (!text.empty() && text.back() == ' ') text.pop_back();
    fmt::print("{}\n", text);
  }
}

std::string count_text(const std::optional<std::int64_t>& count) { return count ? format_count(*count) : ""; }

void print(const MetricReport& report) {
  std::vector<std::vector<std::string>> lines = {
      {"protocol", "metric", "of", "value", "95 % interval", "n", "n ref", "n gen", ""}};
  for (const MetricRow& row : report.rows) {
    std::optional<double> low, high;
    if (row.interval) low = row.interval->low, high = row.interval->high;
    const bool defined = std::isfinite(row.value);
    lines.push_back({row.protocol, row.metric, row.part, defined ? format_value(row.value, low, high) : "-",
                     row.interval ? format_interval(*low, *high) : "", count_text(row.n), count_text(row.n_reference),
                     count_text(row.n_generated), row.note});
  }
  // A heading without anything below it says nothing.
  for (std::size_t c = 0; c < lines[0].size(); ++c)
    if (std::all_of(lines.begin() + 1, lines.end(), [&](const auto& line) { return line[c].empty(); }))
      lines[0][c] = "";
  print_table(lines, {false, false, false, true, false, true, true, true, false});
}

/// Names of files and folders may hold bytes that are not UTF-8.
void print_line(const nlohmann::json& object) {
  std::cout << object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
}

/// One run of the pseudo-method "metric": the scores in the store, with their protocols and raw values.
void record(const MetricReport& report, const MetricOutput& output) {
  Store store = Store::open_or_create(output.store);
  Recorder recorder(store);
  for (const ProtocolUse& use : report.protocols) {
    const Protocol protocol = used_protocol(use);
    recorder.upsert_protocol({.name = protocol.id,
                              .hash = {},
                              .description = protocol.description,
                              .origin = protocol.origin,
                              .choices = protocol.choices});
  }
  BatchRow batch;
  batch.command = output.command_line;
  RunRow run;
  run.method = "metric";
  run.tier = report.command;
  run.code_version = code_version();
  run.device = "cpu";
  run.libraries = library_versions();
  run.machine = machine_description();
  std::vector<RunRow> runs = {run};
  recorder.begin_batch_with_runs(batch, runs);
  StageRecorder stage = recorder.begin_stage(runs[0].id, report.command);
  for (const MetricRow& row : report.rows) {
    if (!std::isfinite(row.value)) {
      stage.add_note(fmt::format("{} {} {}: {}", row.protocol, row.metric, row.part, row.note));
      continue;
    }
    ScoreRow score;
    score.arm = row.part;
    score.name = row.metric;
    score.value = row.value;
    score.n = row.n.value_or(row.n_generated.value_or(0));
    score.interval = row.interval;
    score.protocol = row.protocol;
    if (row.extra.is_object()) score.params = row.extra;
    if (row.n_reference) score.params["n_reference"] = *row.n_reference;
    stage.add_score(score, row.samples, row.sample_kind);
  }
  for (const std::string& note : without_repetitions(report.notes)) stage.add_note(note);
  stage.commit();
  recorder.finish_run(runs[0].id, RunStatus::done);
}

}  // namespace

nlohmann::json to_json(const MetricReport& report) {
  nlohmann::json results = nlohmann::json::array();
  for (const MetricRow& row : report.rows) {
    nlohmann::json object = {{"protocol", row.protocol}, {"metric", row.metric}};
    object["value"] = std::isfinite(row.value) ? nlohmann::json(row.value) : nlohmann::json();
    object["low"] = row.interval ? nlohmann::json(row.interval->low) : nlohmann::json();
    object["high"] = row.interval ? nlohmann::json(row.interval->high) : nlohmann::json();
    if (row.interval) {
      object["level"] = row.interval->level;
      object["interval"] = row.interval->method;
    }
    if (row.n) object["n"] = *row.n;
    if (row.n_reference) object["n_reference"] = *row.n_reference;
    if (row.n_generated) object["n_generated"] = *row.n_generated;
    if (!row.part.empty()) object["part"] = row.part;
    if (!row.note.empty()) object["note"] = row.note;
    object.update(row.extra);
    results.push_back(std::move(object));
  }
  nlohmann::json whole = {{"results", results}, {"notes", without_repetitions(report.notes)}};
  whole.update(report.further);
  return whole;
}

std::vector<std::string> without_repetitions(const std::vector<std::string>& notes) {
  std::vector<std::string> kept;
  for (const std::string& note : notes)
    if (std::find(kept.begin(), kept.end(), note) == kept.end()) kept.push_back(note);
  return kept;
}

void print_notes(const std::vector<std::string>& notes) {
  for (std::string note : without_repetitions(notes)) {
    // A file's name may hold a line break.
    std::replace_if(
        note.begin(), note.end(), [](unsigned char c) { return c < ' '; }, '?');
    fmt::print(stderr, "assay: {}\n", note);
  }
}

void print_without_results(nlohmann::json further, const std::vector<std::string>& notes,
                           std::chrono::steady_clock::time_point started) {
  further["results"] = nlohmann::json::array();
  further["notes"] = without_repetitions(notes);
  further["seconds"]["total"] = seconds_since(started);
  print_line(further);
}

void finish(const MetricReport& report, const MetricOutput& output) {
  const double seconds = seconds_since(output.started);
  if (!output.store.empty()) record(report, output);
  print_notes(report.notes);
  if (output.json) {
    nlohmann::json whole = to_json(report);
    whole["seconds"]["total"] = seconds;
    print_line(whole);
  } else
    print(report);
}

}  // namespace assay
