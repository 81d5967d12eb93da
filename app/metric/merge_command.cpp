#include <CLI/CLI.hpp>
#include <memory>

#include "app/command.h"
#include "app/metric/metric_command.h"
#include "app/torch_actions.h"

namespace assay {

void add_metric_merge(CLI::App& metric, CommandContext& context) {
  const auto options = std::make_shared<MergeCommand>();
  CLI::App* command =
      metric.add_subcommand("merge", "One statistics file of several shards; the same bits however it was split");
  command->add_option("shards", options->shards, "What `assay metric features` wrote")->required();
  command->add_option("--out", options->out, "Statistics file to write (.safetensors)")->required();
  command->add_flag("--partial", options->partial, "Accept sample indices that no shard holds");
  command->add_flag("--json", options->json, "One JSON object on standard output");
  command->callback([options, &context] {
    context.with_torch = [options](const TorchActions& torch) { return torch.merge(*options); };
  });
}

}  // namespace assay
