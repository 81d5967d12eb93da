#pragma once
#include <string>
#include <vector>

#include "store/store.h"

namespace assay {

/// What is wrong with a store, and how much of it was looked at.
struct StoreCheck {
  /// Each a sentence: what SQLite finds damaged, rows that refer to none, stages whose scores no longer fit their seal
  /// (store/seal.h), and artifacts whose file is gone or another one.
  std::vector<std::string> problems;
  std::int64_t sealed = 0;    // stages whose seals were compared
  std::int64_t unsealed = 0;  // stages of versions before seals
  std::int64_t files = 0;     // artifacts whose files were read
};

/// `files`: reads the artifacts too. Throws Error when the file cannot be read.
StoreCheck check_store(const Store& store, bool files);

}  // namespace assay
