#pragma once
#include <nlohmann/json.hpp>
#include <vector>

#include "bench/harness/batch_result.h"
#include "bench/harness/run_plan.h"

/// What `assay run` and `assay claims` print with --json, in the shape of docs/store.md.
namespace assay {

/// {"batch", "runs": [...], "comparisons": [...]}.
nlohmann::json batch_json(const BatchResult& result);

/// {"id", "method", "statement", "origin", "verdict", "statistic", "low", "high", "threshold", "seeds"}.
nlohmann::json claim_json(const ClaimRow& claim);

/// {"plans": [{"method", "tier", "seeds", "config", "steps", "missing"}]}, with "published" (reproductions/plan.h)
/// where a tier repeats published runs.
nlohmann::json plans_json(const std::vector<RunPlan>& plans);

}  // namespace assay
