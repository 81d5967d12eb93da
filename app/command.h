#pragma once
#include <functional>
#include <string>

namespace CLI {
class App;
}

namespace assay {

/// What `main` passes to every command.
struct CommandContext {
  std::string command_line;  // as typed, quoted for a shell
  char** argv = nullptr;
  std::function<int()> selected;  // set by the command that was chosen; returns the exit code
};

/// Each adds one subcommand to the program.
void add_run_command(CLI::App& app, CommandContext& context);
void add_metric_command(CLI::App& app, CommandContext& context);
void add_claims_command(CLI::App& app, CommandContext& context);
void add_report_command(CLI::App& app, CommandContext& context);
void add_parity_command(CLI::App& app, CommandContext& context);
void add_bench_command(CLI::App& app, CommandContext& context);
void add_dataset_command(CLI::App& app, CommandContext& context);
void add_doctor_command(CLI::App& app, CommandContext& context);
void add_list_command(CLI::App& app, CommandContext& context);

}  // namespace assay
