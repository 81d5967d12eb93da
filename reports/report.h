#pragma once
#include <filesystem>
#include <optional>

#include "reports/sections.h"
#include "store/rows.h"

namespace assay {

struct ReportOptions {
  std::filesystem::path store;
  std::filesystem::path out;   // folder, made when absent
  std::optional<RowId> batch;  // the newest batch with a run, unless given
  std::optional<RowId> run;    // this run alone; comparisons, claims and paper tables, which need several, are left out
  std::optional<ReportedChanges> changes;
};

struct ReportFiles {
  std::filesystem::path html;      // self-contained, opens offline
  std::filesystem::path markdown;  // links to SVG files beside it and to the pictures where the runs left them
};

/// Writes report.html, report.md and the SVG drawings that the Markdown links to. Equal stores give equal bytes.
/// Throws InputError when the store cannot be read, holds no runs (and no timings), or has no such batch or run, and
/// when the folder cannot be written.
ReportFiles write_report(const ReportOptions& options);

}  // namespace assay
