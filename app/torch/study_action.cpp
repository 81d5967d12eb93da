#include <fmt/format.h>

#include <algorithm>
#include <iostream>

#include "app/torch/study_tables.h"
#include "app/torch_actions.h"
#include "bench/harness/run_request.h"
#include "core/interrupt.h"
#include "core/progress.h"

namespace assay {
namespace {

/// What can be decided takes several; the nightly size is mini's.
const char* usual_study_seeds(const std::string& tier) {
  if (tier == name_of(Tier::mini)) return "3";
  return tier == name_of(Tier::long_run) ? "5" : "1";
}

}  // namespace

int study_action(const StudyCommand& options, const std::string& command_line) {
  Progress::silence(options.quiet);
  StudyRequest request = options.request;
  request.command = command_line;
  request.seeds = parse_seeds(options.seeds.value_or(usual_study_seeds(request.tier)));
  request.shard = parse_study_shard(options.shard);
  if (options.dry_run) {
    const StudyEstimate estimate = estimate_study(request);
    if (options.json)
      std::cout << study_plan_json(estimate, request.shard).dump() << '\n';
    else
      print_study_plan(estimate, request.shard, std::cout);
    return 0;
  }
  try {
    const StudyOutcome outcome = run_study(request);
    if (options.json)
      std::cout << study_json(outcome).dump() << '\n';
    else
      print_study(outcome, request.store, std::cout);
    // A shard answers for its own cells, a data set whose question cannot be asked for none.
    const std::vector<StudyCell> own = study_cells(outcome.plan, outcome.shard);
    const auto failed = [&](const StudyCell& cell) {
      const bool asked = std::any_of(outcome.probes.begin(), outcome.probes.end(), [&](const StudyProbe& probe) {
        return probe.dataset == cell.dataset && probe.can_be_asked();
      });
      return asked && std::any_of(outcome.cells.begin(), outcome.cells.end(),
                                  [&](const StudyCellState& state) { return !state.done && state.cell == cell; });
    };
    return std::any_of(own.begin(), own.end(), failed) ? 1 : 0;
  } catch (const Interrupted&) {
    fmt::print(stderr, "assay: interrupted; what is done is kept: the same command goes on\n");
    return 1;
  }
}

}  // namespace assay
