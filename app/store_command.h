#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "store/prune.h"

namespace assay {

/// What `assay store` is asked for.
struct StoreCommand {
  std::string store = "results/assay.db";
  std::vector<std::filesystem::path> sources;  // merge: the stores that are added
  bool files = false;                          // check: the artifacts too
  PruneRequest prune;
  std::filesystem::path out;         // export: the folder
  std::optional<std::string> table;  // export: one table alone
  bool json = false;
};

/// Each prints what it did, as lines or as one JSON object (docs/store.md), and returns the exit code: 0, and 1 where
/// `check` found a problem. They throw InputError as check_store, merge_store, prune_store and export_csv do.
int store_check_action(const StoreCommand& options);
int store_merge_action(const StoreCommand& options);
int store_prune_action(const StoreCommand& options);
int store_export_action(const StoreCommand& options);

}  // namespace assay
