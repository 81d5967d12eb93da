#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <optional>

#include "app/command.h"
#include "app/run_tables.h"
#include "bench/harness/batch.h"
#include "bench/harness/batch_json.h"
#include "core/error.h"
#include "core/interrupt.h"
#include "core/progress.h"
#include "reproductions/tiers.h"

namespace assay {
namespace {

struct Options {
  RunRequest request;
  std::optional<std::string> seeds;
  std::int64_t resume = 0;
  bool dry_run = false, json = false, quiet = false;
};

/// Small networks start hundreds of parallel regions a step. OpenMP's threads spin between them by default, which on a
/// machine that does other work as well makes two threads several times slower than one. The policy is read when the
/// library is loaded, so it takes a fresh start of the program.
void restart_with_passive_waiting(char** argv) {
  if (::getenv("OMP_WAIT_POLICY") != nullptr) return;
  ::setenv("OMP_WAIT_POLICY", "PASSIVE", 1);
  stop_if_interrupted();  // the fresh start would not know of it
  ::execv("/proc/self/exe", argv);
}

/// One seed says nothing about another: the tiers that judge claims take several.
const char* usual_seeds(const std::string& tier) {
  if (tier == name_of(Tier::mini)) return "5";
  return tier == name_of(Tier::long_run) ? "4" : "1";
}

/// Prints a batch; returns the exit code.
int print(const BatchResult& result, const Options& options) {
  for (const std::string& note : notes_of_runs(result)) fmt::print(stderr, "assay: {}\n", note);
  if (options.json)
    std::cout << batch_json(result).dump() << '\n';
  else
    print_batch(result, options.request.store, std::cout);
  const auto done = [](const RunResult& run) { return run.run.status == RunStatus::done; };
  return std::all_of(result.runs.begin(), result.runs.end(), done) ? 0 : 1;
}

/// Says what would be done; returns the exit code.
int print_dry_run(const Options& options) {
  const std::vector<RunPlan> plans = plan_runs(options.request);
  if (options.json)
    std::cout << plans_json(plans).dump() << '\n';
  else
    print_plans(plans, std::cout);
  return 0;
}

int run(Options& options, const std::string& command_line) {
  Progress::silence(options.quiet);
  RunRequest& request = options.request;
  request.command = command_line;
  try {
    if (options.resume > 0) {
      if (!request.methods.empty() || !request.settings.empty())
        throw InputError("--resume goes on with what was recorded; leave out methods and --set");
      return print(resume(request.store, options.resume), options);
    }
    request.seeds = parse_seeds(options.seeds.value_or(usual_seeds(request.tier)));
    return options.dry_run ? print_dry_run(options) : print(execute(request), options);
  } catch (const BatchInterrupted& interrupted) {
    fmt::print(stderr, "assay: interrupted; what is done is kept: assay run --store {} --resume {} goes on\n",
               request.store.string(), interrupted.run);
    return 1;
  }
}

}  // namespace

void add_run_command(CLI::App& app, CommandContext& context) {
  const auto options = std::make_shared<Options>();
  options->request.store = "results/assay.db";
  CLI::App* command = app.add_subcommand("run", "Run methods and record scores, timings and pictures");
  command->add_option("method", options->request.methods, "Methods, or all; see `assay list methods`");
  command
      ->add_option("--tier", options->request.tier,
                   "smoke: seconds; mini: minutes; long: hours; paper: published runs, from their weights")
      ->capture_default_str();
  command->add_option("--dataset", options->request.dataset, "Data set in place of the preset's");
  command->add_option("--device", options->request.device, "auto, cpu or cuda")->capture_default_str();
  command->add_option("--seeds", options->seeds,
                      "A count (5) or a list (0,3,7); default: 5 for mini, 4 for long, else 1");
  command->add_option("--set", options->request.settings, "Override of the preset, key=value, as in train.steps=500")
      ->allow_extra_args(false);
  command->add_option("--store", options->request.store, "SQLite file of results; artifacts and caches lie beside it")
      ->capture_default_str();
  command->add_option("--threads", options->request.threads, "CPU threads in all; default: every core");
  command
      ->add_option("--checkpoint-seconds", options->request.checkpoint_seconds,
                   "Between the states that an interrupted training goes on from")
      ->check(CLI::Range(0.0, 86400.0))
      ->capture_default_str();
  command->add_option("--resume", options->resume, "Go on with the batch of this run id");
  command->add_flag("--dry-run", options->dry_run, "Say what would be done, and do nothing");
  command->add_flag("--quiet", options->quiet, "No progress lines");
  command->add_flag("--json", options->json, "One JSON object on standard output");
  command->callback([options, &context] {
    context.selected = [options, &context] {
      restart_with_passive_waiting(context.argv);
      return run(*options, context.command_line);
    };
  });
}

}  // namespace assay
