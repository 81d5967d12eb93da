#include <CLI/CLI.hpp>
#include <cstdlib>
#include <memory>

#include "app/command.h"
#include "app/torch_actions.h"

namespace assay {

void add_run_command(CLI::App& app, CommandContext& context) {
  const auto options = std::make_shared<RunCommand>();
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
    // Small networks start hundreds of parallel regions a step. OpenMP's threads spin between them by default, which on
    // a machine that does other work as well makes two threads several times slower than one. OpenMP reads the policy
    // when it is loaded, which comes with LibTorch.
    ::setenv("OMP_WAIT_POLICY", "PASSIVE", 0);
    context.with_torch = [options, &context](const TorchActions& torch) {
      return torch.run(*options, context.command_line);
    };
  });
}

}  // namespace assay
