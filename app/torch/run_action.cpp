#include <fmt/format.h>

#include <algorithm>
#include <iostream>

#include "app/torch/run_tables.h"
#include "app/torch_actions.h"
#include "bench/harness/batch.h"
#include "bench/harness/batch_json.h"
#include "core/error.h"
#include "core/progress.h"
#include "core/tier.h"

namespace assay {
namespace {

/// One seed says nothing about another: the tiers that judge claims take several.
const char* usual_seeds(const std::string& tier) {
  if (tier == name_of(Tier::mini)) return "5";
  return tier == name_of(Tier::long_run) ? "4" : "1";
}

/// Prints a batch; returns the exit code.
int print(const BatchResult& result, const RunCommand& options) {
  for (const std::string& note : notes_of_runs(result)) fmt::print(stderr, "assay: {}\n", note);
  if (options.json)
    std::cout << batch_json(result).dump() << '\n';
  else
    print_batch(result, options.request.store, std::cout);
  const auto done = [](const RunResult& run) { return run.run.status == RunStatus::done; };
  return std::all_of(result.runs.begin(), result.runs.end(), done) ? 0 : 1;
}

/// Says what would be done; returns the exit code.
int print_dry_run(const RunRequest& request, bool json) {
  const std::vector<RunPlan> plans = plan_runs(request);
  if (json)
    std::cout << plans_json(plans).dump() << '\n';
  else
    print_plans(plans, std::cout);
  return 0;
}

}  // namespace

int run_action(const RunCommand& options, const std::string& command_line) {
  Progress::silence(options.quiet);
  RunRequest request = options.request;
  request.command = command_line;
  try {
    if (options.resume > 0) {
      if (!request.methods.empty() || !request.settings.empty())
        throw InputError("--resume goes on with what was recorded; leave out methods and --set");
      return print(resume(request.store, options.resume), options);
    }
    for (const std::string& method : request.methods)
      if (method.find('=') != std::string::npos)
        throw InputError(fmt::format("'{0}': is no method; each setting needs a --set of its own: --set {0}", method));
    request.seeds = parse_seeds(options.seeds.value_or(usual_seeds(request.tier)));
    return options.dry_run ? print_dry_run(request, options.json) : print(execute(request), options);
  } catch (const BatchInterrupted& interrupted) {
    fmt::print(stderr, "assay: interrupted; what is done is kept: assay run --store {} --resume {} goes on\n",
               request.store.string(), interrupted.run);
    return 1;
  }
}

}  // namespace assay
