#pragma once
#include <cstdint>

namespace CLI {
class App;
}

namespace assay {

struct CommandContext;
struct ImageFeatureOptions;
struct MetricOutput;

/// Adds --json and --store to a metric command.
void add_metric_output(CLI::App& command, MetricOutput& output);
/// Adds --bootstrap: 0 for no intervals, else 2 to 1,000,000 replicates.
void add_bootstrap_option(CLI::App& command, std::int64_t& replicates);
/// Adds --seed, 0 to 2^64 - 1.
void add_seed_option(CLI::App& command, std::uint64_t& seed);
/// Adds --threads, 0 for all cores.
void add_threads_option(CLI::App& command, int& threads);
/// Adds --skip-damaged to a command that decodes images.
void add_skip_damaged_option(CLI::App& command, bool& skip_damaged);
/// Adds --weights, --cache and --batch to a command that takes folders of images.
void add_image_feature_options(CLI::App& command, ImageFeatureOptions& options);

// Each adds one subcommand of `assay metric`.
void add_metric_clustering(CLI::App& metric, CommandContext& context);
void add_metric_compare(CLI::App& metric, CommandContext& context);
void add_metric_corloc(CLI::App& metric, CommandContext& context);
void add_metric_explain(CLI::App& metric, CommandContext& context);
void add_metric_features(CLI::App& metric, CommandContext& context);
void add_metric_generative(CLI::App& metric, CommandContext& context);
void add_metric_merge(CLI::App& metric, CommandContext& context);
void add_metric_saliency(CLI::App& metric, CommandContext& context);

}  // namespace assay
