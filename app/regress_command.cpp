#include "app/regress_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/file.h"
#include "reports/gate/gate_json.h"
#include "reports/gate/gate_junit.h"
#include "reports/gate/gate_markdown.h"
#include "reports/gate/gate_text.h"
#include "reports/wording.h"
#include "store/recorder.h"

namespace assay {
namespace {

void write(const std::filesystem::path& file, const std::string& content) {
  if (file.empty()) return;
  ensure_folder(file.has_parent_path() ? file.parent_path() : std::filesystem::path("."));
  write_file_atomically(file, content);
}

nlohmann::json baseline_json(const BaselineRow& row) {
  return {{"name", row.name}, {"batch", row.batch}, {"accepted_at", row.accepted_at}, {"note", row.note}};
}

void check_name(const std::string& name) {
  if (name.empty() || std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; }))
    throw InputError(
        fmt::format("--name '{}': a name with a letter is needed, since --baseline 12 means batch 12", name));
}

/// Throws where the batch has neither finished runs nor timings.
void check_holds_results(const Query& query, RowId batch) {
  query.batch(batch);
  RunFilter filter;
  filter.batch = batch;
  const std::vector<RunRow> runs = query.runs(filter);
  const bool any_done =
      std::any_of(runs.begin(), runs.end(), [](const RunRow& run) { return run.status == RunStatus::done; });
  if (!any_done && query.loose_timings(batch).empty())
    throw InputError(
        fmt::format("--batch {}: has no finished run and no timing, there is nothing to compare with", batch));
}

}  // namespace

int regress_action(const RegressCommand& options) {
  const Store store = Store::read_only(options.store);
  const GateResult result = run_gate(store, options.request);
  write(options.markdown, gate_markdown(result));
  write(options.junit, gate_junit(result));
  if (options.json) {
    std::cout << gate_json(result).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
    fmt::print(stderr, "{}\n", headline(result));
  } else {
    fmt::print("{}", gate_text(result));
  }
  return result.regressed() ? 3 : 0;
}

int baseline_accept_action(const BaselineCommand& options) {
  check_name(options.name);
  Store store = Store::open(options.store);
  const Query query(store);
  std::vector<RowId> batches = options.batches;
  if (batches.empty()) batches.push_back(newest_batch(store));
  std::vector<BaselineRow> rows;
  for (const RowId batch : batches) {
    check_holds_results(query, batch);
    rows.push_back({0, batch, options.name, options.note, ""});
  }
  Recorder(store).accept_baselines(rows);
  nlohmann::json list = nlohmann::json::array();
  for (const BaselineRow& row : query.baselines()) {
    if (row.name != options.name || std::find(batches.begin(), batches.end(), row.batch) == batches.end()) continue;
    list.push_back(baseline_json(row));
    if (!options.json) fmt::print("batch {} is baseline {}\n", row.batch, row.name);
  }
  if (options.json) std::cout << nlohmann::json{{"baselines", std::move(list)}}.dump() << '\n';
  return 0;
}

int baseline_list_action(const BaselineCommand& options) {
  const Store store = Store::read_only(options.store);
  const Query query(store);
  nlohmann::json list = nlohmann::json::array();
  for (const BaselineRow& row : query.baselines()) {
    list.push_back(baseline_json(row));
    if (!options.json)
      fmt::print("{}  batch {} of {}, accepted {}{}{}\n", row.name, row.batch,
                 date_text(query.batch(row.batch).created_at), date_text(row.accepted_at), row.note.empty() ? "" : ": ",
                 row.note);
  }
  if (options.json)
    std::cout << nlohmann::json{{"baselines", std::move(list)}}.dump() << '\n';
  else if (list.empty())
    fmt::print("no baseline is accepted yet\n");
  return 0;
}

}  // namespace assay
