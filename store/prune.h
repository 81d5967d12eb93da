#pragma once
#include <cstdint>

#include "store/store.h"

namespace assay {

struct PruneRequest {
  std::int64_t keep = 0;  // newest batches that stay as they are; so do accepted baselines
  bool whole = false;     // older batches go with everything; else their scores, timings and verdicts stay
  bool dry_run = false;   // count, and change nothing
};

struct Pruned {
  std::int64_t batches = 0;  // that were touched
  std::int64_t samples = 0, artifacts = 0, files = 0;
  std::int64_t bytes = 0;  // of these files
};

/// Makes a store smaller: of older batches, raw values behind scores (`sample`) and artifacts go, with their files
/// below artifacts/, unless a row that stays names the same file. What `assay regress` and claims read stays, unless
/// `whole`. The freed space is given back to the system. Throws InputError with `whole` where a seal is broken, since a
/// chain that is made anew would hide that, and Error when the file cannot be written.
Pruned prune_store(Store& store, const PruneRequest& request);

}  // namespace assay
