#pragma once
#include <filesystem>
#include <iosfwd>
#include <string>
#include <vector>

#include "bench/harness/batch_result.h"
#include "bench/harness/run_plan.h"

/// What `assay run` prints for people; --json renders the same objects (bench/harness/batch_json.h).
namespace assay {

/// Of a dry run: steps, the published runs that a tier repeats, and what is missing.
void print_plans(const std::vector<RunPlan>& plans, std::ostream& out);

/// The scores of fd-small and FID, the paired differences and the verdicts of a batch.
void print_batch(const BatchResult& result, const std::filesystem::path& store, std::ostream& out);

/// What was skipped, counted or surprising, in the order of the runs; what several runs say alike, once.
std::vector<std::string> notes_of_runs(const BatchResult& result);

}  // namespace assay
