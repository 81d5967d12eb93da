#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <optional>
#include <set>

#include "app/command.h"
#include "bench/harness/harness.h"
#include "core/error.h"
#include "core/interrupt.h"
#include "core/progress.h"

namespace assay {
namespace {

struct Options {
  RunRequest request;
  std::optional<std::string> seeds;
  std::int64_t resume = 0;
  bool dry_run = false, json = false, quiet = false;
};

/// A JSON value as people write it.
std::string plain(const nlohmann::json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

std::string members(const nlohmann::json& object) {
  std::string text;
  for (const auto& [key, value] : object.items()) text += (text.empty() ? "" : ", ") + key + " " + plain(value);
  return text;
}

double gigabytes(const nlohmann::json& bytes) { return bytes.get<double>() / 1e9; }

void print_published(const nlohmann::json& published) {
  const auto& speed = published.at("speed");
  fmt::print("  this machine: {:.3g} GFLOP/s: {}\n", speed.at("flops_per_second").get<double>() / 1e9,
             plain(speed.at("how")));
  for (const auto& file : published.at("files"))
    fmt::print("  file {}: {}; SHA-256 {}{}\n", plain(file.at("path")),
               file.at("present").get<bool>() ? "there" : "missing",
               file.at("sha256").is_null() ? "unknown" : "begins with " + plain(file.at("sha256")),
               file.at("official").is_null() ? "" : ", of " + plain(file.at("official")));
  nlohmann::json described = nlohmann::json::array();
  for (const auto& row : published.at("rows"))
    for (const auto& network : row.at("networks")) {
      if (std::find(described.begin(), described.end(), network) != described.end()) continue;
      described.push_back(network);
      fmt::print("  network {}: {} parameters, {:.1f} GFLOP an image and pass; {}\n",
                 plain(network.at("configuration")), network.at("parameters").get<std::int64_t>(),
                 network.at("flops").get<double>() / 1e9, members(network.at("flags")));
    }
  for (const auto& row : published.at("rows")) {
    fmt::print("  {}\n", plain(row.at("name")));
    for (const auto& network : row.at("networks"))
      fmt::print("    {}: {}\n", plain(network.at("role")), plain(network.at("configuration")));
    fmt::print("    {}\n", members(row.at("settings")));
    fmt::print(
        "    {} images of {:.4g} TFLOP; {:.1f} GB, {:.1f} GB while loading; about {:.3g} hours on this machine\n",
        row.at("images").get<std::int64_t>(), row.at("flops_per_image").get<double>() / 1e12,
        gigabytes(row.at("memory_bytes")), gigabytes(row.at("loading_bytes")), row.at("hours").get<double>());
    if (row.at("training_flops").get<double>() > 0)
      fmt::print("    after a training of {:.4g} TFLOP, counted in these hours\n",
                 row.at("training_flops").get<double>() / 1e12);
    for (const auto& place : row.at("departures")) fmt::print("    not as published: {}\n", plain(place));
    for (const auto& fact : row.at("unknown")) fmt::print("    unknown: {}\n", plain(fact));
  }
}

void print_dry_run(const nlohmann::json& result) {
  for (const auto& plan : result.at("plans")) {
    fmt::print("{}, tier {}, {} seed(s)\n", plan.at("method").get<std::string>(), plan.at("tier").get<std::string>(),
               plan.at("seeds").size());
    for (const auto& step : plan.at("steps")) fmt::print("  {}\n", step.get<std::string>());
    if (plan.contains("published")) print_published(plan.at("published"));
    for (const auto& missing : plan.at("missing")) fmt::print("  missing: {}\n", missing.get<std::string>());
  }
}

std::string number(const nlohmann::json& value) {
  return value.is_null() ? "-" : fmt::format("{:.4g}", value.get<double>());
}

/// An arm and what tells this score from its others; w_cfg follows from w.
std::string arm_of(const nlohmann::json& score) {
  std::string text = score.at("arm").get<std::string>();
  for (const auto& [key, value] : score.at("params").items())
    if (key != "w_cfg") text += fmt::format(" {}={}", key, value.is_string() ? value.get<std::string>() : value.dump());
  return text;
}

void print_summary(const nlohmann::json& result, const std::string& store) {
  for (const auto& run : result.at("runs")) {
    fmt::print("run {}: {} seed {} {}{}\n", run.at("id").get<std::int64_t>(), run.at("method").get<std::string>(),
               run.at("seed").get<std::int64_t>(), run.at("status").get<std::string>(),
               run.at("reason").get<std::string>().empty() ? "" : ": " + run.at("reason").get<std::string>());
    const auto shown = [](const nlohmann::json& s) { return s.at("name") == "fd-small" || s.at("name") == "fid"; };
    std::size_t width = 0;
    for (const auto& s : run.at("scores"))
      if (shown(s)) width = std::max(width, arm_of(s).size());
    for (const auto& s : run.at("scores"))
      if (shown(s))
        fmt::print("  {:<{}} {} {:>9}  [{}, {}]  n = {}\n", arm_of(s), width, s.at("protocol").get<std::string>(),
                   number(s.at("value")), number(s.at("low")), number(s.at("high")), s.at("n").get<std::int64_t>());
  }
  if (!result.at("comparisons").empty()) fmt::print("paired differences\n");
  for (const auto& c : result.at("comparisons")) {
    std::string name = c.at("arm_a").get<std::string>() + " - " + c.at("arm_b").get<std::string>();
    if (c.at("arm_a") == c.at("arm_b")) name += " " + c.at("params_b").dump();
    fmt::print("  {:<5} {:<46} {:>9}  [{}, {}]  {} seed(s)\n", c.at("metric").get<std::string>(), name,
               number(c.at("difference")), number(c.at("low")), number(c.at("high")), c.at("seeds").size());
  }
  if (!result.at("runs").empty())
    for (const auto& c : result.at("runs").at(0).at("claims"))
      fmt::print("claim {:<24} {:<13} {}\n", c.at("id").get<std::string>(), c.at("verdict").get<std::string>(),
                 c.at("statement").get<std::string>());
  fmt::print("recorded in {}\n", store);
}

/// What was skipped, counted or surprising; what several runs say alike, once.
void print_notes_of_runs(const nlohmann::json& result) {
  std::set<std::string> said;
  for (const auto& run : result.at("runs"))
    for (const auto& note : run.at("notes"))
      if (said.insert(note.get<std::string>()).second) fmt::print(stderr, "assay: {}\n", note.get<std::string>());
}

/// Small networks start hundreds of parallel regions a step. OpenMP's threads spin between them by default, which on a
/// machine that does other work as well makes two threads several times slower than one. The policy is read when the
/// library is loaded, so it takes a fresh start of the program.
void restart_with_passive_waiting(char** argv) {
  if (::getenv("OMP_WAIT_POLICY") != nullptr) return;
  ::setenv("OMP_WAIT_POLICY", "PASSIVE", 1);
  stop_if_interrupted();  // the fresh start would not know of it
  ::execv("/proc/self/exe", argv);
}

int run(Options& options, const std::string& command_line) {
  Progress::silence(options.quiet);
  options.request.command = command_line;
  nlohmann::json result;
  try {
    if (options.resume > 0) {
      if (!options.request.methods.empty() || !options.request.settings.empty())
        throw InputError("--resume goes on with what was recorded; leave out methods and --set");
      result = resume(options.request.store, options.resume);
    } else {
      // One seed says nothing about another: what judges claims takes five.
      const char* usual = options.request.tier == name_of(Tier::mini) ? "5" : "1";
      options.request.seeds = parse_seeds(options.seeds.value_or(usual));
      result = options.dry_run ? dry_run(options.request) : execute(options.request);
    }
  } catch (const BatchInterrupted& interrupted) {
    fmt::print(stderr, "assay: interrupted; what is done is kept: assay run --store {} --resume {} goes on\n",
               options.request.store.string(), interrupted.run);
    return 1;
  }
  if (!options.dry_run) print_notes_of_runs(result);
  if (options.json)
    std::cout << result.dump() << '\n';
  else if (options.dry_run)
    print_dry_run(result);
  else
    print_summary(result, options.request.store.string());
  if (options.dry_run) return 0;
  const auto& runs = result.at("runs");
  return std::all_of(runs.begin(), runs.end(), [](const auto& r) { return r.at("status") == "done"; }) ? 0 : 1;
}

}  // namespace

void add_run_command(CLI::App& app, CommandContext& context) {
  const auto options = std::make_shared<Options>();
  options->request.store = "results/assay.db";
  CLI::App* command = app.add_subcommand("run", "Run methods and record scores, timings and pictures");
  command->add_option("method", options->request.methods, "Methods, or all; see `assay list methods`");
  command
      ->add_option("--tier", options->request.tier,
                   "smoke: seconds; mini: minutes; paper: published runs, from their weights")
      ->capture_default_str();
  command->add_option("--dataset", options->request.dataset, "Data set in place of the preset's");
  command->add_option("--device", options->request.device, "auto, cpu or cuda")->capture_default_str();
  command->add_option("--seeds", options->seeds, "A count (5) or a list (0,3,7); default: 5 for mini, else 1");
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
