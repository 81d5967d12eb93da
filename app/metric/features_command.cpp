#include <CLI/CLI.hpp>
#include <memory>

#include "app/command.h"
#include "app/metric/metric_command.h"
#include "app/torch_actions.h"

namespace assay {

void add_image_feature_options(CLI::App& command, ImageFeatureOptions& options) {
  command
      .add_option("--weights", options.weights,
                  "Feature networks as safetensors (tools/convert_weights.py); which network, the keys say")
      ->delimiter(',');
  command.add_option("--cache", options.cache, "Folder that keeps features by content of images and weights");
  add_skip_damaged_option(command, options.skip_damaged);
  command.add_option("--batch", options.batch, "Images at once; no value depends on it")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
}

void add_metric_features(CLI::App& metric, CommandContext& context) {
  const auto options = std::make_shared<FeaturesCommand>();
  CLI::App* command = metric.add_subcommand(
      "features", "Features of images through a public network, or statistics of features, as a file");
  command
      ->add_option("--input", options->input,
                   "Folder of images, or of one folder a class, .npz or .npy batch, or feature file")
      ->required();
  command->add_option("--out", options->out, "File to write (.safetensors)")->required();
  command->add_option("--protocol", options->protocol, "Whose resize, normalisation and network")
      ->capture_default_str();
  command->add_option("--labels", options->labels,
                      "Class of each image, one integer a line or as .npy, in the order of names");
  command->add_flag("--statistics", options->statistics,
                    "Write statistics that `assay metric merge` adds, not features; always so for a feature file");
  command->add_option("--first-index", options->first_index, "Index of the first sample in the whole set")
      ->check(CLI::Range(std::int64_t{0}, std::int64_t{1} << 53))
      ->capture_default_str();
  command->add_flag("--json", options->json, "One JSON object on standard output");
  add_image_feature_options(*command, options->images);
  command->callback([options, command, &context] {
    options->protocol_given = command->count("--protocol") > 0;
    context.with_torch = [options](const TorchActions& torch) { return torch.features(*options); };
  });
}

}  // namespace assay
