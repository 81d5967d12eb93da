#pragma once

namespace CLI {
class App;
}

namespace assay {

struct CommandContext;

/// Adds `assay metric` with its subcommands to the program.
void add_metric_command(CLI::App& app, CommandContext& context);

}  // namespace assay
