#include "app/program.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <string>

#include "app/bench_command.h"
#include "app/claims_command.h"
#include "app/command.h"
#include "app/dataset_command.h"
#include "app/doctor_command.h"
#include "app/list_command.h"
#include "app/metric/metric_command.h"
#include "app/regress_command.h"
#include "app/report_command.h"
#include "app/store_command.h"
#include "app/tables_command.h"
#include "app/torch_actions.h"
#include "app/torch_library.h"
#include "bench/harness/machine.h"
#include "core/error.h"
#include "core/interrupt.h"
#include "core/nearest.h"
#include "core/phrases.h"

namespace assay {
namespace {

void add_run(CLI::App& app, CommandContext& context) {
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
                      "A count (5) or a list (0,3,7; of one seed: 3,); default: 5 for mini, 4 for long, else 1");
  command
      ->add_option("--set", options->request.settings,
                   "Override of the preset, key=value, as in train.steps=500; once for each")
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

void add_study(CLI::App& app, CommandContext& context) {
  const auto options = std::make_shared<StudyCommand>();
  StudyRequest& request = options->request;
  request.store = "results/assay.db";
  CLI::App* command = app.add_subcommand("study", "A designed comparison, cell by cell; see `assay list studies`");
  command->add_option("name", request.study, "guidance-imbalance")->required();
  command->add_option("--tier", request.tier, "smoke: seconds; mini: under an hour of two cores; long: hours")
      ->capture_default_str();
  command->add_option("--dataset", request.datasets, "Data sets: shapes,emoji,clipart; default: the tier's")
      ->delimiter(',');
  command
      ->add_option("--arms", request.arms,
                   "What guides: label, self_label (every K) or self_label_kK, self_box, self_mask, classifier, "
                   "classifier_eds, classifier_eds_ect; `none` is always among them; default: all")
      ->delimiter(',');
  command->add_option("--imbalance", request.imbalances, "1,10,100,natural; default: the tier's")->delimiter(',');
  command->add_option("--seeds", options->seeds,
                      "A count (5) or a list (0,3,7); default: 3 for mini, 5 for long, else 1");
  command
      ->add_option("--set", request.settings,
                   "Override of the preset, key=value, as in self_guided.train.steps=500; once for each")
      ->allow_extra_args(false);
  command
      ->add_option("--shard", options->shard,
                   "I/N: this machine's share of the cells; merge the stores with `assay store merge`, then give the "
                   "command without --shard")
      ->capture_default_str();
  command->add_option("--device", request.device, "auto, cpu or cuda")->capture_default_str();
  command->add_option("--store", request.store, "SQLite file of results; a study that is in it goes on")
      ->capture_default_str();
  command->add_option("--threads", request.threads, "CPU threads in all; default: every core");
  command
      ->add_option("--checkpoint-seconds", request.checkpoint_seconds,
                   "Between the states that an interrupted training goes on from")
      ->check(CLI::Range(0.0, 86400.0))
      ->capture_default_str();
  command->add_flag("--dry-run", options->dry_run, "List the cells and what they cost, and do nothing");
  command->add_flag("--quiet", options->quiet, "No progress lines");
  command->add_flag("--json", options->json, "One JSON object on standard output");
  command->callback([options, &context] {
    ::setenv("OMP_WAIT_POLICY", "PASSIVE", 0);  // as for `assay run`
    context.with_torch = [options, &context](const TorchActions& torch) {
      return torch.study(*options, context.command_line);
    };
  });
}

void add_claims(CLI::App& app, CommandContext& context) {
  const auto options = std::make_shared<ClaimsCommand>();
  CLI::App* command = app.add_subcommand("claims", "Judge the claims of the papers from what is recorded");
  command->add_option("--method", options->request.method, "One method; default: all");
  command->add_option("--store", options->store, "SQLite file of results")->capture_default_str();
  command->add_option("--batch", options->request.batch, "Batch id; default: the newest of the highest tier");
  command->add_option("--tier", options->request.tier, "One tier; default: the highest with finished runs");
  command->add_flag("--json", options->json, "One JSON object on standard output");
  command->callback([options, &context] { context.selected = [options] { return claims_action(*options); }; });
}

void add_tables(CLI::App& app, CommandContext& context) {
  const auto options = std::make_shared<TablesCommand>();
  CLI::App* command = app.add_subcommand("tables", "The tables of the papers, with ours beside every published number");
  command->add_option("method", options->methods, "Methods; default: all");
  command->add_option("--store", options->store, "SQLite file of results")->capture_default_str();
  command->add_option("--tier", options->tier, "One tier; default: for each cell the highest that has a score for it");
  command->add_option("--batch", options->batch, "Batch id; default: for each cell the newest of that tier");
  command->add_option("--format", options->format, "markdown, csv or latex (booktabs)")->capture_default_str();
  command->add_option("--out", options->out, "File; default: standard output");
  command->add_flag("--json", options->json, "One JSON object in place of the format");
  command->callback([options, &context] { context.selected = [options] { return tables_action(*options); }; });
}

void add_report(CLI::App& app, CommandContext& context) {
  const auto options = std::make_shared<ReportCommand>();
  options->report.store = "results/assay.db";
  options->report.out = "results/report";
  CLI::App* command = app.add_subcommand("report", "Write the report of a store: HTML and Markdown");
  command->add_option("--store", options->report.store, "SQLite file of results")->capture_default_str();
  command->add_option("--out", options->report.out, "Folder for the report")->capture_default_str();
  command->add_option("--batch", options->report.batch, "Batch id; default: the newest");
  command->add_option("--run", options->report.run, "One run alone");
  command->add_flag("--json", options->json, "One JSON object on standard output");
  command->callback([options, &context] { context.selected = [options] { return report_action(*options); }; });
}

void add_regress(CLI::App& app, CommandContext& context) {
  const auto options = std::make_shared<RegressCommand>();
  CLI::App* command = app.add_subcommand("regress", "Compare a batch with its baseline; exit 3 where it got worse");
  command->add_option("--store", options->store, "SQLite file of results")->capture_default_str();
  command->add_option("--batch", options->request.batches, "Batch ids, judged together: 12,13; default: the newest")
      ->delimiter(',');
  command->add_option("--baseline", options->request.baseline,
                      "An accepted name, or a batch id; default: of each series the last accepted batch that has it");
  command
      ->add_option("--alpha", options->request.limits.alpha,
                   "Chance of a false alarm in a night, of steps and of the direct comparison each")
      ->check(CLI::Range(1e-9, 0.5))
      ->capture_default_str();
  command->add_option("--least-slowdown", options->request.limits.speed, "Smaller changes of a time, as a share, pass")
      ->check(CLI::Range(0.0, 10.0))
      ->capture_default_str();
  command
      ->add_option("--least-loss", options->request.limits.loss,
                   "Smaller changes of a score, in standard deviations over seeds, pass")
      ->check(CLI::Range(0.0, 100.0))
      ->capture_default_str();
  command->add_flag("--strict", options->request.strict,
                    "Exit 3 also where runs failed or something of the baseline is missing");
  command->add_option("--markdown", options->markdown, "Write the result to this file as Markdown");
  command->add_option("--junit", options->junit, "Write the result to this file as JUnit XML");
  command->add_flag("--json", options->json, "One JSON object on standard output");
  command->callback([options, &context] { context.selected = [options] { return regress_action(*options); }; });
}

void add_baseline(CLI::App& app, CommandContext& context) {
  const auto options = std::make_shared<BaselineCommand>();
  CLI::App* command = app.add_subcommand("baseline", "What `assay regress` compares with");
  command->require_subcommand(1);
  const auto add_common = [&](CLI::App* sub) {
    sub->add_option("--store", options->store, "SQLite file of results")->capture_default_str();
    sub->add_flag("--json", options->json, "One JSON object on standard output");
  };
  CLI::App* accept = command->add_subcommand("accept", "From now on, compare with these batches");
  add_common(accept);
  accept->add_option("--batch", options->batches, "Batch ids: 12,13; default: the newest")->delimiter(',');
  accept->add_option("--name", options->name, "For `assay regress --baseline`")->capture_default_str();
  accept->add_option("--note", options->note, "Why it is accepted");
  accept->callback([options, &context] { context.selected = [options] { return baseline_accept_action(*options); }; });
  CLI::App* list = command->add_subcommand("list", "Every accepted batch, the last one last");
  add_common(list);
  list->callback([options, &context] { context.selected = [options] { return baseline_list_action(*options); }; });
}

void add_store(CLI::App& app, CommandContext& context) {
  const auto options = std::make_shared<StoreCommand>();
  CLI::App* command = app.add_subcommand("store", "Check a store, merge stores, make one smaller, write it as CSV");
  command->require_subcommand(1);
  const auto add = [&](const char* name, const char* words, int (*action)(const StoreCommand&)) {
    CLI::App* sub = command->add_subcommand(name, words);
    sub->add_option("--store", options->store, "SQLite file of results")->capture_default_str();
    sub->add_flag("--json", options->json, "One JSON object on standard output");
    sub->callback([options, &context, action] { context.selected = [options, action] { return action(*options); }; });
    return sub;
  };
  CLI::App* check =
      add("check", "Damage, rows that refer to none, and scores that were edited; exit 1 where there are any",
          store_check_action);
  check->add_flag("--files", options->files, "Read the artifacts too, and compare them with their hashes");
  CLI::App* merge = add("merge", "Add the batches of other stores, each once", store_merge_action);
  merge->add_option("source", options->sources, "Stores of other machines")->required();
  CLI::App* prune = add("prune", "Take raw values and files of older batches away; their scores and timings stay",
                        store_prune_action);
  prune->add_option("--keep", options->prune.keep, "Newest batches that stay as they are; accepted baselines do too")
      ->required()
      ->check(CLI::Range(std::int64_t{0}, std::int64_t{1} << 40));
  prune->add_flag("--whole", options->prune.whole, "Take whole batches away, scores and timings too");
  prune->add_flag("--dry-run", options->prune.dry_run, "Say what would go, and change nothing");
  CLI::App* exported = add("export", "Write every table as CSV", store_export_action);
  exported->add_option("--out", options->out, "Folder for the files")->required();
  exported->add_option("--table", options->table, "One table alone");
}

void add_parity(CLI::App& app, CommandContext& context) {
  const auto options = std::make_shared<ParityCommand>();
  CLI::App* command = app.add_subcommand("parity", "Compare our modules with reference packs; exit 1 above tolerance");
  command->add_option("pack", options->packs, "Pack folders, or folders of packs")->required();
  command->add_flag("--json", options->json, "One JSON object on standard output");
  command->callback([options, &context] {
    context.with_torch = [options](const TorchActions& torch) { return torch.parity(*options); };
  });
}

void add_draw(CLI::App& app, CommandContext& context) {
  const auto options = std::make_shared<DrawCommand>();
  CLI::App* command = app.add_subcommand("draw", "Images from prompts, with a text-to-image model: a row a prompt");
  command
      ->add_option("--model", options->model,
                   "A folder as diffusers writes it, a checkpoint of a text model trained here, or the one of a "
                   "finished run as METHOD:TIER[:DATASET]: class_tokens:mini")
      ->required();
  command->add_option("--store", options->store, "Store beside whose runs such a model is looked for")
      ->capture_default_str();
  command->add_option("--prompt", options->prompts, "What to draw; once for each row")
      ->required()
      ->allow_extra_args(false);
  command->add_option("--negative", options->negative, "What to lead away from; default: nothing");
  command->add_option("--token", options->token, "A learned word, to be used in the prompts");
  command->add_option("--seed", options->seed, "Of the noise: image i of every prompt starts from the same")
      ->check(fault_of_seed)
      ->capture_default_str();
  command->add_option("--count", options->count, "Images a prompt; changes none of them")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command->add_option("--steps", options->steps, "Of the sampler")->check(CLI::Range(1, 1000))->capture_default_str();
  command->add_option("--weight", options->weight,
                      "Of guidance; 1 is the prompt alone; default: 7.5, or 3 where the model draws pixels");
  command->add_option("--scheduler", options->scheduler, "ddim, pndm, dpm or euler; default: the model's own");
  command->add_option("--device", options->device, "auto, cpu or cuda")->capture_default_str();
  command
      ->add_option("--dtype", options->dtype,
                   "What weights are kept in: f32, bf16, f16, or auto, as the files have them (on a GPU f32)")
      ->capture_default_str();
  command->add_option("--scale", options->scale, "Pixels of the grid a pixel; default: tiles of 64 or more")
      ->check(CLI::Range(1, 64));
  command->add_option("--out", options->out, "PNG of the grid")->required();
  command->add_flag("--quiet", options->quiet, "No progress lines");
  command->add_flag("--json", options->json, "One JSON object on standard output");
  command->callback([options, &context] {
    context.with_torch = [options](const TorchActions& torch) { return torch.draw(*options); };
  });
}

void add_bench(CLI::App& app, CommandContext& context) {
  const auto options = std::make_shared<BenchCommand>();
  CLI::App* command = app.add_subcommand("bench", "Time the kernels and metrics, every repetition into the store");
  command->add_option("--filter", options->filter, "Regular expression on op/variant/shape/dtype/device");
  command->add_option("--import", options->imported,
                      "Record a comparison with peers (tools/peers.sh) and measure nothing");
  command->add_option("--store", options->store, "SQLite file of results")->capture_default_str();
  command->add_option("--repetitions", options->repetitions, "Of each benchmark")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command->add_option("--min-time", options->min_time, "Seconds a repetition lasts at least")
      ->check(CLI::Range(0.0, 60.0))
      ->capture_default_str();
  command->add_flag("--json", options->json, "One JSON object on standard output");
  command->callback([options, &context] {
    context.selected = [options, &context] { return bench_action(*options, context.command_line); };
  });
}

void add_dataset(CLI::App& app, CommandContext& context) {
  const auto options = std::make_shared<DatasetCommand>();
  CLI::App* command = app.add_subcommand("dataset", "Look at the data sets, or export one");
  command->require_subcommand(1);
  const auto add_common = [&](CLI::App* sub, bool named) {
    if (named) {
      sub->add_option("name", options->name, "See `assay dataset list`")->required();
      sub->add_option("--set", options->settings, "size=32, background=solid, imbalance=exp:100, seed=1, ...")
          ->allow_extra_args(false);
    }
    sub->add_flag("--json", options->json, "One JSON object on standard output");
  };
  CLI::App* list = command->add_subcommand("list", "Every data set, and what is missing to open it");
  add_common(list, false);
  list->callback([options, &context] { context.selected = [options] { return dataset_list_action(*options); }; });
  CLI::App* info = command->add_subcommand("info", "Counts, content id, and what was left out");
  add_common(info, true);
  info->callback([options, &context] { context.selected = [options] { return dataset_info_action(*options); }; });
  CLI::App* exported = command->add_subcommand("export", "Write images, masks and labels.csv");
  add_common(exported, true);
  exported->add_option("--out", options->out, "Folder, new or empty, or of an interrupted export")->required();
  exported->callback([options, &context] { context.selected = [options] { return dataset_export_action(*options); }; });
}

void add_doctor(CLI::App& app, CommandContext& context) {
  const auto options = std::make_shared<DoctorCommand>();
  CLI::App* command = app.add_subcommand("doctor", "What this machine has, and what is missing for which tier");
  command->add_flag("--json", options->json, "One JSON object on standard output");
  command->callback([options, &context] { context.selected = [options] { return doctor_action(*options); }; });
}

void add_list(CLI::App& app, CommandContext& context) {
  const auto options = std::make_shared<ListCommand>();
  CLI::App* command = app.add_subcommand("list", "List what there is");
  command->add_option("what", options->what, join(list_kinds()))->required();
  command->add_flag("--json", options->json, "One JSON object on standard output");
  command->callback([options, &context] { context.selected = [options] { return list_action(*options); }; });
}

constexpr void (*commands[])(CLI::App&, CommandContext&) = {
    add_run,   add_study,  add_metric_command, add_claims, add_tables,  add_report, add_regress, add_baseline,
    add_store, add_parity, add_draw,           add_bench,  add_dataset, add_doctor, add_list,
};

/// Errors are one line on stderr, whatever the message was made of.
int fail(const std::string& message, int code) {
  const std::string line = one_line(message.substr(0, message.find('\n')));
  std::fprintf(stderr, "assay: %s\n", line.c_str());
  return code;
}

}  // namespace

int program(int argc, char** argv, const TorchActions* torch) {
  CommandContext context;
  context.command_line = "assay";
  for (int i = 1; i < argc; ++i) context.command_line += " " + shell_quoted(argv[i]);

  CLI::App app("Assay reproduces diffusion papers, measures what they produce, and says whether a difference is real.");
  app.name("assay");
  app.set_version_flag("--version", code_version());
  app.require_subcommand(1);
  for (const auto add : commands) add(app, context);

  try {
    app.parse(argc, argv);
    if (context.with_torch && torch == nullptr) return run_in_torch_library(argc, argv);
    catch_interrupts();
    return context.with_torch ? context.with_torch(*torch) : context.selected();
  } catch (const CLI::CallForHelp&) {
    std::printf("%s", app.help().c_str());
    return 0;
  } catch (const CLI::CallForAllHelp&) {
    std::printf("%s", app.help("", CLI::AppFormatMode::All).c_str());
    return 0;
  } catch (const CLI::CallForVersion&) {
    std::printf("%s\n", code_version().c_str());
    return 0;
  } catch (const CLI::ParseError& error) {
    return fail(std::string(error.what()) + "; see `assay --help`", 2);
  } catch (const InputError& error) {
    return fail(one_line(error.what()), 2);  // whole, also where a name that it quotes breaks the line
  } catch (const std::exception& error) {
    return fail(error.what(), 1);
  }
}

}  // namespace assay
