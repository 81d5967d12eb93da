#pragma once
#include "reports/report.h"

namespace assay {

/// What `assay report` is asked for.
struct ReportCommand {
  ReportOptions report;
  bool json = false;
};

/// Writes the report and prints its files, as lines or as one JSON object {"html", "markdown"}; returns the exit code
/// 0. Throws InputError as write_report.
int report_action(const ReportCommand& options);

}  // namespace assay
