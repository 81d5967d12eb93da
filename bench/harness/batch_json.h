#pragma once
#include <nlohmann/json.hpp>

#include "bench/harness/batch_result.h"

/// What `assay run` and `assay claims` print with --json, in the shape of docs/store.md.
namespace assay {

/// {"batch", "runs": [...], "comparisons": [...]}.
nlohmann::json batch_json(const BatchResult& result);

/// {"id", "method", "statement", "origin", "verdict", "statistic", "low", "high", "threshold", "seeds"}.
nlohmann::json claim_json(const ClaimRow& claim);

}  // namespace assay
