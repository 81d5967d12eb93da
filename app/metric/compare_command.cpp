#include <CLI/CLI.hpp>
#include <cstdlib>
#include <memory>

#include "app/command.h"
#include "app/metric/metric_command.h"
#include "app/torch_actions.h"
#include "metrics/statistics/paired_swaps.h"

namespace assay {

void add_metric_compare(CLI::App& metric, CommandContext& context) {
  const auto options = std::make_shared<CompareCommand>();
  CLI::App* command = metric.add_subcommand(
      "compare", "Paired differences of generated sets whose samples share their noise: interval, p-value, ties");
  command->add_option("--reference", options->reference,
                      "Reference: folder or batch of images, or feature or statistics file (.safetensors, .npz, .npy)");
  command->add_option("--a", options->a, "One generated set: folder or batch of images, or feature file")->required();
  command->add_option("--b", options->b, "The same of another, or of several: every pair is compared")
      ->required()
      ->delimiter(',');
  command->add_option("--protocol", options->protocols, "Protocols, as in fid-tf1,prdc5 (assay list protocols)")
      ->required()
      ->delimiter(',');
  command->add_option("--pair-by", options->pair_by,
                      "What tells that samples belong together: stem, number (10 with 00010) or order of names; "
                      "without it the first of these that can be used");
  add_bootstrap_option(*command, options->pairs.scores.bootstrap);
  command
      ->add_option("--swaps", options->pairs.swaps,
                   "Random swaps behind each p-value (2000, or more where there are many differences)")
      ->check(CLI::Range(std::int64_t{1}, most_swaps));
  command->add_option("--alpha", options->alpha, "Adjusted p-value below which two sets are told apart")
      ->check([](const std::string& text) {
        const double alpha = std::atof(text.c_str());
        return alpha > 0.0 && alpha < 1.0 ? std::string() : "expected a number between 0 and 1, got " + text;
      })
      ->capture_default_str();
  command->add_option("--kid-subset-size", options->pairs.scores.kid_subset_size, "Rows of a KID subset")
      ->check(CLI::Range(std::int64_t{2}, std::int64_t{1} << 31))
      ->capture_default_str();
  command->add_option("--kid-subsets", options->pairs.scores.kid_subsets, "KID subsets")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{100000}))
      ->capture_default_str();
  add_seed_option(*command, options->pairs.scores.seed);
  add_image_feature_options(*command, options->images);
  add_metric_output(*command, options->output);
  command->callback([options, &context] {
    options->output.command_line = context.command_line;
    context.with_torch = [options](const TorchActions& torch) { return torch.compare(*options); };
  });
}

}  // namespace assay
