#include "app/report_command.h"

#include <fmt/format.h>

#include <iostream>
#include <nlohmann/json.hpp>

#include "reports/gate/gate_section.h"

namespace assay {
namespace {

/// What the gate says of the batch that a report is about; nothing of one run alone, and where no batch has a run.
std::optional<ReportedChanges> changes_of(const ReportOptions& options) {
  if (options.run) return std::nullopt;
  const Store store = Store::read_only(options.store);
  const Query query(store);
  const std::optional<BatchRow> batch = options.batch ? query.batch(*options.batch) : query.latest_batch();
  if (!batch) return std::nullopt;
  GateRequest request;
  request.batches = {batch->id};
  return reported_changes(run_gate(store, request));
}

}  // namespace

int report_action(const ReportCommand& options) {
  ReportOptions report = options.report;
  report.changes = changes_of(report);
  const ReportFiles files = write_report(report);
  if (options.json)
    std::cout << nlohmann::json{{"html", files.html.string()}, {"markdown", files.markdown.string()}}.dump() << '\n';
  else
    fmt::print("{}\n{}\n", files.html.string(), files.markdown.string());
  return 0;
}

}  // namespace assay
