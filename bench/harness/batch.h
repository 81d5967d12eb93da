#pragma once
#include <cstdint>
#include <filesystem>

#include "bench/harness/batch_result.h"
#include "bench/harness/run_request.h"
#include "core/interrupt.h"

namespace assay {

/// The user stopped a batch that is recorded: its unfinished runs are marked so, and one of them is `run`.
class BatchInterrupted : public Interrupted {
 public:
  explicit BatchInterrupted(RowId recorded) : run(recorded) {}
  RowId run;
};

/// Runs every method with every seed, seeds side by side where there are threads for it, records everything, then the
/// paired comparisons and claims. Artifacts and caches lie beside the store, in artifacts/ and cache/.
/// Returns what is recorded of the batch. A run that fails is recorded as failed and the others go on; the caller sees
/// its status. Throws InputError before anything is recorded when the
/// request is bad, BatchInterrupted when the user stopped it, Interrupted where nothing was recorded yet.
BatchResult execute(const RunRequest& request);

/// Goes on with the batch that `run` belongs to: every run of it that is not done. The configuration is the recorded
/// one. Throws InputError when there is no such run or its batch is done, and as execute().
BatchResult resume(const std::filesystem::path& store, std::int64_t run);

}  // namespace assay
