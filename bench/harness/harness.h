#pragma once
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core/interrupt.h"
#include "reproductions/method.h"
#include "store/rows.h"

namespace assay {

/// The user stopped a batch that is recorded: its unfinished runs are marked so, and one of them is `run`.
class BatchInterrupted : public Interrupted {
 public:
  explicit BatchInterrupted(RowId recorded) : run(recorded) {}
  RowId run;
};

/// What `assay run` was asked for.
struct RunRequest {
  std::vector<std::string> methods;  // ids, or {"all"}
  std::string tier = "smoke";
  std::string dataset;  // empty: the preset's
  std::string device = "auto";
  std::vector<std::int64_t> seeds = {0};
  std::vector<std::string> settings;  // "a.b=value"
  std::filesystem::path store;
  int threads = 0;                 // CPU threads in all; 0: as many as LibTorch would use
  double checkpoint_seconds = 20;  // between the states that an interrupted training goes on from
  std::string command;             // as typed, for the record
};

/// "3" -> 0, 1, 2; "0,3,7" -> those. Throws InputError for an empty text, a repeated seed, or what is not a number.
std::vector<std::int64_t> parse_seeds(const std::string& text);

/// A method with what was asked for: the tier's preset, the data set, then every setting. Throws InputError.
ConfiguredMethod configured_method(const std::string& method, const RunRequest& request);

/// Runs every method with every seed, seeds side by side where there are threads for it, records everything, then the
/// paired comparisons and claims. Artifacts and caches lie beside the store, in artifacts/ and cache/.
/// Returns {"runs": [...], "comparisons": [...]} in the shape of docs/architecture.md. A run that fails is recorded as
/// failed and the others go on; the caller sees its status. Throws InputError before anything is recorded when the
/// request is bad, BatchInterrupted when the user stopped it, Interrupted where nothing was recorded yet.
nlohmann::json execute(const RunRequest& request);

/// Goes on with the batch that `run` belongs to: every run of it that is not done. The configuration is the recorded
/// one. Throws InputError when there is no such run or its batch is done, and as execute().
nlohmann::json resume(const std::filesystem::path& store, std::int64_t run);

/// What a request would do, without doing it: {"plans": [{"method", "tier", "seeds", "config", "steps", "missing"}]},
/// with "published" (reproductions/plan.h) where a tier repeats published runs.
nlohmann::json dry_run(const RunRequest& request);

/// {"id", "method", "statement", "origin", "verdict", "statistic", "low", "high", "threshold", "seeds"}.
nlohmann::json claim_json(const ClaimRow& claim);

}  // namespace assay
