#include "app/metric/metric_command.h"

#include <CLI/CLI.hpp>

#include "app/command.h"
#include "app/metric/metric_report.h"

namespace assay {
namespace {

constexpr void (*commands[])(CLI::App&, CommandContext&) = {
    add_metric_clustering, add_metric_compare,    add_metric_corloc, add_metric_explain,
    add_metric_features,   add_metric_generative, add_metric_merge,  add_metric_saliency,
};

}  // namespace

void add_metric_output(CLI::App& command, MetricOutput& output) {
  command.add_flag("--json", output.json, "One JSON object on standard output");
  command.add_option("--store", output.store, "Record the values in this store");
}

void add_bootstrap_option(CLI::App& command, std::int64_t& replicates) {
  command.add_option("--bootstrap", replicates, "Replicates behind each interval, at least 2; 0: no intervals")
      ->check(CLI::Range(std::int64_t{0}, std::int64_t{1000000}))
      ->check([](const std::string& text) {
        return text == "1" ? std::string("one replicate has no spread; expected 0 or at least 2") : std::string();
      })
      ->capture_default_str();
}

void add_seed_option(CLI::App& command, std::uint64_t& seed) {
  command.add_option("--seed", seed, "Seed of what is drawn")
      ->check([](const std::string& text) {
        return text.starts_with('-') ? "expected an integer of at least 0, got " + text : std::string();
      })
      ->capture_default_str();
}

void add_threads_option(CLI::App& command, int& threads) {
  command.add_option("--threads", threads, "Threads; 0 for all cores")
      ->check(CLI::Range(0, 4096))
      ->capture_default_str();
}

void add_skip_damaged_option(CLI::App& command, bool& skip_damaged) {
  command.add_flag("--skip-damaged", skip_damaged,
                   "Leave out images that cannot be read, by name, and count them; each image is decoded once more");
}

void add_metric_command(CLI::App& app, CommandContext& context) {
  CLI::App* metric = app.add_subcommand("metric", "Scores of images, features, masks, boxes and labels");
  metric->require_subcommand(1);
  for (const auto add : commands) add(*metric, context);
}

}  // namespace assay
