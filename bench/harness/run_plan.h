#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "bench/harness/run_request.h"
#include "reproductions/plan.h"

namespace assay {

/// What a request would do with one method.
struct RunPlan {
  std::string method;
  std::string tier;
  std::vector<std::int64_t> seeds;
  nlohmann::json config;
  std::vector<std::string> steps;          // one line each
  std::vector<std::string> missing;        // what the tier needs and this machine lacks, one line each
  std::optional<PublishedPlan> published;  // where a tier repeats published runs
};

/// What a request would do, without doing it; times the device for some seconds where a tier repeats published runs.
/// Throws InputError as execute() does, but for what is missing.
std::vector<RunPlan> plan_runs(const RunRequest& request);

/// {"plans": [{"method", "tier", "seeds", "config", "steps", "missing"}]}, with "published" (reproductions/plan.h)
/// where a tier repeats published runs, in the shape of docs/store.md.
nlohmann::json plans_json(const std::vector<RunPlan>& plans);

}  // namespace assay
