#include <CLI/CLI.hpp>
#include <memory>

#include "app/command.h"
#include "app/torch_actions.h"

namespace assay {

void add_parity_command(CLI::App& app, CommandContext& context) {
  const auto options = std::make_shared<ParityCommand>();
  CLI::App* command = app.add_subcommand("parity", "Compare our modules with reference packs; exit 1 above tolerance");
  command->add_option("pack", options->packs, "Pack folders, or folders of packs")->required();
  command->add_flag("--json", options->json, "One JSON object on standard output");
  command->callback([options, &context] {
    context.with_torch = [options](const TorchActions& torch) { return torch.parity(*options); };
  });
}

}  // namespace assay
