#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "reports/gate/gate.h"

namespace assay {

/// What `assay regress` is asked for.
struct RegressCommand {
  std::string store = "results/assay.db";
  GateRequest request;
  std::filesystem::path markdown, junit;  // empty: not written
  bool json = false;
};

/// Compares the batches with their baseline, prints the result and writes the files asked for; returns the exit code: 3
/// where something regressed, else 0, as with no baseline. Throws InputError for what is no store, as run_gate, and for
/// files that cannot be written.
int regress_action(const RegressCommand& options);

/// What `assay baseline` is asked for.
struct BaselineCommand {
  std::string store = "results/assay.db";
  std::vector<RowId> batches;  // none: the newest one
  std::string name = "main";
  std::string note;
  bool json = false;
};

/// Accepts batches under a name, or prints the accepted ones; both return the exit code 0. Throws InputError for what
/// is no store, unknown batches, batches with unfinished runs alone, and names that are numbers or empty.
int baseline_accept_action(const BaselineCommand& options);
int baseline_list_action(const BaselineCommand& options);

}  // namespace assay
