#include "app/metric/metric_command.h"

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "app/command.h"
#include "app/metric/clustering_command.h"
#include "app/metric/corloc_command.h"
#include "app/metric/metric_report.h"
#include "app/metric/saliency_command.h"
#include "app/torch_actions.h"
#include "metrics/statistics/paired_swaps.h"

namespace assay {
namespace {

void add_metric_output(CLI::App& command, MetricOutput& output) {
  command.add_flag("--json", output.json, "One JSON object on standard output");
  command.add_option("--store", output.store, "Record the values in this store");
}

void add_bootstrap_option(CLI::App& command, std::int64_t& replicates) {
  command.add_option("--bootstrap", replicates, "Replicates behind each interval, at least 2; 0: no intervals")
      ->check(CLI::Range(std::int64_t{0}, std::int64_t{1000000}))
      ->check([](const std::string& text) {
        return text == "1" ? std::string("one replicate has no spread; expected 0 or at least 2") : std::string();
      })
      ->capture_default_str();
}

void add_seed_option(CLI::App& command, std::uint64_t& seed) {
  command.add_option("--seed", seed, "Seed of what is drawn")->check(fault_of_seed)->capture_default_str();
}

void add_threads_option(CLI::App& command, int& threads) {
  command.add_option("--threads", threads, "Threads; 0 for all cores")
      ->check(CLI::Range(0, 4096))
      ->capture_default_str();
}

void add_skip_damaged_option(CLI::App& command, bool& skip_damaged) {
  command.add_flag("--skip-damaged", skip_damaged,
                   "Leave out images that cannot be read, by name, and count them; each image is decoded once more");
}

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

void add_clustering(CLI::App& metric, CommandContext& context) {
  const auto options = std::make_shared<ClusteringCommand>();
  CLI::App* command = metric.add_subcommand("clustering", "Agreement of two labellings of the same items");
  command->add_option("--prediction", options->prediction, "Cluster of each item, one integer a line or as .npy")
      ->required();
  command->add_option("--truth", options->truth, "Label of each item, one integer a line or as .npy")->required();
  command->add_flag("--per-class", options->per_class,
                    "For each class its best cluster, the share of the class in it, and how pure it is");
  add_bootstrap_option(*command, options->replicates);
  add_seed_option(*command, options->seed);
  add_threads_option(*command, options->threads);
  add_metric_output(*command, options->output);
  command->callback([options, &context] {
    options->output.command_line = context.command_line;
    context.selected = [options] { return clustering_action(*options); };
  });
}

void add_compare(CLI::App& metric, CommandContext& context) {
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

void add_corloc(CLI::App& metric, CommandContext& context) {
  const auto options = std::make_shared<CorlocCommand>();
  CLI::App* command = metric.add_subcommand("corloc", "Share of images whose one box overlaps a true box by half");
  command
      ->add_option(
          "--prediction", options->prediction,
          "JSON {stem: [xmin, ymin, xmax, ymax]}: one box an image, counted from 0, or null where nothing was found")
      ->required();
  TruthOptions& truth = options->truth;
  command->add_option("--truth", truth.file,
                      "JSON {stem: [[xmin, ymin, xmax, ymax], ...]}; a box may also be "
                      "{\"box\": [...], \"difficult\": 0, \"truncated\": 1}; images with [] are left out");
  CLI::Option* voc = command->add_option("--voc", truth.voc,
                                         "Instead of --truth: a folder of PASCAL VOC, with Annotations and ImageSets");
  command->add_option("--set", truth.set, "A list of ImageSets/Main")->capture_default_str()->needs(voc);
  command
      ->add_option(
          "--corners", truth.corners,
          "Of VOC's corners, which count from 1, half_open lowers xmin and ymin by 1, as LOST does, as_written "
          "none, both_lowered all four")
      ->capture_default_str()
      ->needs(voc);
  CLI::Option* coco =
      command->add_option("--coco", truth.coco, "Instead of --truth: a COCO instances file; boxes are rounded");
  command->add_option("--list", truth.list, "Names of the images of --coco to take, one a line")->needs(coco);
  command->add_flag("--no-hard", truth.no_hard,
                    "Drop difficult and truncated true boxes, and images that have no other");
  command->add_flag("--voc-boxes", truth.from_one,
                    "Boxes of --truth are as in VOC's XML, counted from 1 with both ends in: xmin and ymin are lowered "
                    "by 1");
  add_metric_output(*command, options->output);
  command->callback([options, &context] {
    options->output.command_line = context.command_line;
    context.selected = [options] { return corloc_action(*options); };
  });
}

void add_explain(CLI::App& metric, CommandContext& context) {
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

void add_features(CLI::App& metric, CommandContext& context) {
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

void add_generative(CLI::App& metric, CommandContext& context) {
  const auto options = std::make_shared<GenerativeCommand>();
  CLI::App* command = metric.add_subcommand("generative", "Distance, fidelity and diversity of generated images");
  command->add_option("--reference", options->reference,
                      "Reference: folder or batch of images, or feature or statistics file (.safetensors, .npz, .npy)");
  command->add_option("--generated", options->generated, "The same of the generated images")->required();
  command->add_option("--held-out", options->held_out,
                      "For ct-dinov2: the same of real images that the generator was not trained on");
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

void add_merge(CLI::App& metric, CommandContext& context) {
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

void add_saliency(CLI::App& metric, CommandContext& context) {
  const auto options = std::make_shared<SaliencyCommand>();
  CLI::App* command = metric.add_subcommand("saliency", "Saliency maps and masks against true masks, by file stem");
  command->add_option("--prediction", options->prediction, "Folder of predicted maps, any image format")->required();
  command->add_option("--truth", options->truth, "Folder of true masks with the same stems")->required();
  command
      ->add_option(
          "--protocol", options->protocols,
          "pysod, fan, tokencut, selfmask, voc, pysod-counts, pysod-msiou, pysod-hce, pysod-context; several by commas")
      ->delimiter(',')
      ->default_val(std::vector<std::string>{"pysod"});
  command->add_option("--empty-mask", options->empty_mask,
                      "Images whose true mask is empty: protocol (scored as it says), skip, refuse");
  command->add_option("--classes", options->classes, "Number of classes of voc, background included");
  add_skip_damaged_option(*command, options->skip_damaged);
  add_bootstrap_option(*command, options->replicates);
  add_seed_option(*command, options->seed);
  add_threads_option(*command, options->threads);
  command->add_flag("--per-image", options->per_image, "Under --json also `images`, with the values of each");
  add_metric_output(*command, options->output);
  command->callback([options, &context] {
    options->output.command_line = context.command_line;
    context.selected = [options] { return saliency_action(*options); };
  });
}

constexpr void (*commands[])(CLI::App&, CommandContext&) = {
    add_clustering, add_compare, add_corloc, add_explain, add_features, add_generative, add_merge, add_saliency,
};

}  // namespace

void add_metric_command(CLI::App& app, CommandContext& context) {
  CLI::App* metric = app.add_subcommand("metric", "Scores of images, features, masks, boxes and labels");
  metric->require_subcommand(1);
  for (const auto add : commands) add(*metric, context);
}

}  // namespace assay
