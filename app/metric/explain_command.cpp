#include <CLI/CLI.hpp>
#include <memory>

#include "app/command.h"
#include "app/metric/metric_command.h"
#include "app/torch_actions.h"

namespace assay {

void add_metric_explain(CLI::App& metric, CommandContext& context) {
  const auto options = std::make_shared<ExplainCommand>();
  CLI::App* command =
      metric.add_subcommand("explain", "One pair of sets under every FID protocol, and what each choice moves");
  command->add_option("--reference", options->reference, "Folder of images, or feature file")->required();
  command->add_option("--generated", options->generated, "The same of the generated images")->required();
  add_image_feature_options(*command, options->images);
  add_metric_output(*command, options->output);
  command->callback([options, &context] {
    options->output.command_line = context.command_line;
    context.with_torch = [options](const TorchActions& torch) { return torch.explain(*options); };
  });
}

}  // namespace assay
