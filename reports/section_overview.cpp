#include <fmt/format.h>

#include <algorithm>

#include "core/progress.h"
#include "reports/numbers.h"
#include "reports/sections.h"
#include "reports/wording.h"

namespace assay {
namespace {

Tone tone_of(RunStatus status) {
  switch (status) {
    case RunStatus::done:
      return Tone::good;
    case RunStatus::failed:
      return Tone::bad;
    case RunStatus::interrupted:
      return Tone::caution;
    case RunStatus::running:
      break;
  }
  return Tone::neutral;
}

Text status_counts(const std::vector<RunRow>& runs) {
  Text text;
  for (const RunStatus status : {RunStatus::done, RunStatus::running, RunStatus::interrupted, RunStatus::failed}) {
    const auto count = std::count_if(runs.begin(), runs.end(), [&](const RunRow& run) { return run.status == status; });
    if (count == 0) continue;
    if (!text.empty()) text.push_back(plain(" "));
    text.push_back(chip(fmt::format("{} {}", count, name_of(status)), tone_of(status)));
  }
  return text;
}

std::string total_duration(const std::vector<RunRow>& runs) {
  std::optional<double> first, last;
  for (const RunRow& run : runs) {
    const auto begin = seconds_of(run.started_at), end = seconds_of(run.finished_at);
    if (begin && (!first || *begin < *first)) first = begin;
    if (end && (!last || *end > *last)) last = end;
  }
  return first && last ? duration_text(*last - *first) : "";
}

Table runs_table(const ReportData& data) {
  const bool several_methods = distinct(data.runs, [](const RunRow& run) { return run.method; }).size() > 1;
  const bool several_sets = distinct(data.runs, [](const RunRow& run) { return run.dataset; }).size() > 1;
  const bool any_reason = std::any_of(data.runs.begin(), data.runs.end(), [](const RunRow& run) {
    return !run.reason.empty() || run.status == RunStatus::running;
  });
  Table table;
  table.columns.push_back({"Run", true});
  if (several_methods) table.columns.push_back({"Method"});
  if (several_sets) table.columns.push_back({"Data set"});
  table.columns.push_back({"Seed", true});
  table.columns.push_back({"Status"});
  table.columns.push_back({"Started"});
  table.columns.push_back({"Duration", true});
  table.columns.push_back({"Stages done", true});
  if (any_reason) table.columns.push_back({"Reason"});
  for (const RunRow& run : data.runs) {
    const auto begin = seconds_of(run.started_at), end = seconds_of(run.finished_at);
    const auto stages = std::count_if(data.stages.begin(), data.stages.end(),
                                      [&](const StageRow& stage) { return stage.run == run.id; });
    std::vector<Text> row;
    row.push_back({number(std::to_string(run.id))});
    if (several_methods) row.push_back({code(run.method)});
    if (several_sets) row.push_back({code(run.dataset)});
    row.push_back({number(std::to_string(run.seed))});
    row.push_back({chip(name_of(run.status), tone_of(run.status))});
    row.push_back({plain(date_text(run.started_at))});
    row.push_back({plain(begin && end ? duration_text(*end - *begin) : "")});
    row.push_back({number(std::to_string(stages))});
    if (any_reason)
      row.push_back(
          {plain(run.status == RunStatus::running ? "no end recorded: still running, or killed" : run.reason)});
    table.rows.push_back(std::move(row));
    table.anchors.push_back(run_anchor(run.id));
  }
  return table;
}

/// The configurations, runs with equal ones together.
std::vector<Block> configurations(const std::vector<RunRow>& runs) {
  std::vector<std::pair<nlohmann::json, std::vector<std::int64_t>>> groups;
  for (const RunRow& run : runs) {
    const auto found =
        std::find_if(groups.begin(), groups.end(), [&](const auto& group) { return group.first == run.config; });
    if (found != groups.end())
      found->second.push_back(run.id);
    else
      groups.push_back({run.config, {run.id}});
  }
  std::vector<Block> blocks;
  for (const auto& [config, ids] : groups) {
    if (config.empty()) continue;
    Details details;
    details.summary = ids.size() == runs.size() ? "Configuration" : "Configuration of run " + seeds_text(ids);
    details.blocks.push_back(CodeBlock{config.dump(2, ' ', false, nlohmann::json::error_handler_t::replace)});
    blocks.push_back(std::move(details));
  }
  return blocks;
}

}  // namespace

Section overview_section(const ReportData& data) {
  Section section{"Overview", "overview", {}};
  Part part;
  Facts facts;
  const auto add = [&facts](const std::string& name, Text text) {
    if (!text.empty() && !text.front().text.empty()) facts.items.emplace_back(name, std::move(text));
  };
  const auto add_all = [&](const std::string& name, const std::vector<std::string>& values, bool as_code) {
    Text text;
    for (const std::string& value : values) {
      if (!text.empty()) text.push_back(plain(", "));
      text.push_back(as_code ? code(value) : plain(value));
    }
    add(name, std::move(text));
  };
  const std::vector<RunRow>& runs = data.runs;
  add_all("Method", distinct(runs, [](const RunRow& run) { return run.method; }), true);
  add_all("Tier", distinct(runs, [](const RunRow& run) { return run.tier; }), false);
  add_all("Data set", distinct(runs, [](const RunRow& run) { return run.dataset; }), true);
  add_all("Seeds", distinct(runs, [](const RunRow& run) { return std::to_string(run.seed); }), false);
  add("Runs", status_counts(runs));
  if (!runs.empty()) add("Started", {plain(date_text(runs.front().started_at))});
  add("Duration", {plain(total_duration(runs))});
  add_all("Device", distinct(runs, [](const RunRow& run) { return run.device; }), false);
  add_all("Driver", distinct(runs, [](const RunRow& run) { return run.driver; }), false);
  add_all("Machine", distinct(runs, [](const RunRow& run) { return machine_text(run.machine); }), false);
  add_all("Code version", distinct(runs, [](const RunRow& run) { return run.code_version; }), true);
  add_all("Libraries", distinct(runs, [](const RunRow& run) { return members_text(run.libraries); }), false);
  add_all("Data set hash", distinct(runs, [](const RunRow& run) { return run.dataset_hash; }), true);
  if (data.batch) add("Batch", {plain(fmt::format("{} of {}", data.batch->id, data.store.filename().string()))});
  if (!facts.items.empty()) part.blocks.push_back(std::move(facts));
  if (data.batch) {
    part.blocks.push_back(Paragraph{{muted("Command")}});
    part.blocks.push_back(CodeBlock{data.batch->command});
  }
  if (!runs.empty()) part.blocks.push_back(runs_table(data));
  for (Block& block : configurations(runs)) part.blocks.push_back(std::move(block));
  if (!data.other_batches.empty()) {
    Table table;
    table.columns = {{"Batch", true}, {"Recorded"}, {"Command"}};
    for (const BatchRow& batch : data.other_batches)
      table.rows.push_back(
          {{number(std::to_string(batch.id))}, {plain(date_text(batch.created_at))}, {code(batch.command)}});
    Details details{"Other batches in this store", {}};
    details.blocks.push_back(std::move(table));
    part.blocks.push_back(std::move(details));
  }
  section.parts.push_back(std::move(part));
  return section;
}

}  // namespace assay
