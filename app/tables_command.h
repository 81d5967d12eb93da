#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "store/rows.h"

namespace assay {

/// What `assay tables` is asked for.
struct TablesCommand {
  std::string store = "results/assay.db";
  std::vector<std::string> methods;  // all, unless given
  std::optional<std::string> tier;   // unless given: for each cell the highest tier that has a score for it
  std::optional<RowId> batch;        // unless given: the newest one of that tier that has a score for it
  std::string format = "markdown";   // or "csv", "latex"
  std::filesystem::path out;         // a file; empty: standard output
  bool json = false;
};

/// Writes the published tables of the methods with ours beside each cell (reports/published_beside.h), from finished
/// runs alone; returns the exit code 0. Throws InputError for an unknown method, tier, batch or format, for what is no
/// store, and for a file that cannot be written.
int tables_action(const TablesCommand& options);

}  // namespace assay
