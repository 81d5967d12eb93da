#include "app/metric/metric_command.h"

#include <CLI/CLI.hpp>

#include "app/command.h"
#include "app/metric/report.h"

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

void add_metric_command(CLI::App& app, CommandContext& context) {
  CLI::App* metric = app.add_subcommand("metric", "Scores of images, features, masks, boxes and labels");
  metric->require_subcommand(1);
  for (const auto add : commands) add(*metric, context);
}

}  // namespace assay
