#pragma once

namespace CLI {
class App;
}

namespace assay {

struct CommandContext;
struct MetricOutput;

/// Adds --json and --store to a metric command.
void add_metric_output(CLI::App& command, MetricOutput& output);

// Each adds one subcommand of `assay metric`.
void add_metric_clustering(CLI::App& metric, CommandContext& context);
void add_metric_generative(CLI::App& metric, CommandContext& context);

}  // namespace assay
