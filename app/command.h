#pragma once
#include <functional>
#include <string>

namespace CLI {
class App;
}

namespace assay {

struct TorchActions;

/// What every command is given. The one that was chosen sets one of the two functions, which return the exit code.
struct CommandContext {
  std::string command_line;                            // as typed, quoted for a shell
  std::function<int()> selected;                       // of a command that needs no LibTorch
  std::function<int(const TorchActions&)> with_torch;  // of one that does
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
