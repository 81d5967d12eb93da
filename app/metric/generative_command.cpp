#include <CLI/CLI.hpp>
#include <memory>

#include "app/command.h"
#include "app/metric/metric_command.h"
#include "app/torch_actions.h"

namespace assay {

void add_metric_generative(CLI::App& metric, CommandContext& context) {
  const auto options = std::make_shared<GenerativeCommand>();
  CLI::App* command = metric.add_subcommand("generative", "Distance, fidelity and diversity of generated images");
  command->add_option("--reference", options->reference,
                      "Reference: folder or batch of images, or feature or statistics file (.safetensors, .npz, .npy)");
  command->add_option("--generated", options->generated, "The same of the generated images")->required();
  command->add_option("--protocol", options->protocols, "Protocols, as in fid-tf1,prdc5 (assay list protocols)")
      ->required()
      ->delimiter(',');
  add_bootstrap_option(*command, options->scores.bootstrap);
  command->add_flag("--per-class", options->per_class,
                    "Every score of every class too, joined by name where both sides have names, else by label");
  command->add_option(
      "--tail", options->tail,
      "Every score of head, medium and tail classes too: 'thirds' of the classes by reference count, or "
      "'many-few:100,20' for more than 100, and fewer than 20");
  command->add_option("--draws", options->draws, "Size-matched draws that a part's score is the mean of")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1000}))
      ->capture_default_str();
  command->add_option("--kid-subset-size", options->scores.kid_subset_size, "Rows of a KID subset")
      ->check(CLI::Range(std::int64_t{2}, std::int64_t{1} << 31))
      ->capture_default_str();
  command->add_option("--kid-subsets", options->scores.kid_subsets, "KID subsets")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{100000}))
      ->capture_default_str();
  add_seed_option(*command, options->scores.seed);
  add_image_feature_options(*command, options->images);
  add_metric_output(*command, options->output);
  command->callback([options, &context] {
    options->output.command_line = context.command_line;
    context.with_torch = [options](const TorchActions& torch) { return torch.generative(*options); };
  });
}

}  // namespace assay
