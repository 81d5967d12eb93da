#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "app/command.h"
#include "app/metric/metric_command.h"
#include "core/error.h"
#include "core/interrupt.h"
#include "core/progress.h"
#include "metrics/feature_file.h"

namespace assay {
namespace {

void save(const FeatureMoments& moments, const std::filesystem::path& out) {
  SafetensorsWriter writer;
  moments.save(writer, moments_prefix);
  writer.write(out);
}

void print(const FeatureMoments& moments, const std::filesystem::path& out, bool json) {
  if (json)
    fmt::print("{}\n",
               nlohmann::json{{"file", out.string()}, {"n", moments.count()}, {"width", moments.width()}}.dump());
  else
    fmt::print("{}: statistics of {} samples, {} numbers each\n", out.string(), moments.count(), moments.width());
}

struct FeaturesOptions {
  std::filesystem::path input, out;
  std::int64_t first_index = 0;
  bool json = false;
};

int features(const FeaturesOptions& options) {
  if (std::filesystem::is_directory(options.input))
    throw InputError(
        fmt::format("{}: is a folder; expected a feature file (.safetensors, .npz)", options.input.string()));
  const FeatureSet set = read_feature_file(options.input);
  if (!set.has_features())
    throw InputError(fmt::format("{}: holds no features to gather statistics of", options.input.string()));
  FeatureMoments moments(set.width);
  Progress progress("statistics", set.count, "samples");
  constexpr std::int64_t step = FeatureMoments::block;
  for (std::int64_t first = 0; first < set.count; first += step) {
    stop_if_interrupted();
    const std::int64_t count = std::min(step, set.count - first);
    moments.add(options.first_index + first, set.features.subspan(static_cast<std::size_t>(first * set.width),
                                                                  static_cast<std::size_t>(count * set.width)));
    progress.update(first + count);
  }
  save(moments, options.out);
  print(moments, options.out, options.json);
  return 0;
}

struct MergeOptions {
  std::vector<std::filesystem::path> shards;
  std::filesystem::path out;
  bool partial = false;
  bool json = false;
};

FeatureMoments read_shard(const std::filesystem::path& path) {
  const SafetensorsFile file(path);
  if (!file.has(moments_prefix + "nodes"))
    throw InputError(
        fmt::format("{}: holds no feature moments; expected what `assay metric features` writes", path.string()));
  return FeatureMoments::load(file, moments_prefix);
}

int merge(const MergeOptions& options) {
  FeatureMoments all = read_shard(options.shards.front());
  for (std::size_t i = 1; i < options.shards.size(); ++i) {
    stop_if_interrupted();
    try {
      all.merge(read_shard(options.shards[i]));
    } catch (const InputError& error) {
      throw InputError(fmt::format("{}: {}", options.shards[i].string(), error.what()));
    }
  }
  const auto gaps = all.gaps();
  if (!gaps.empty() && !options.partial)
    throw InputError(fmt::format("samples {} to {} are in no shard{}; --partial merges what there is", gaps[0].first,
                                 gaps[0].second,
                                 gaps.size() > 1 ? fmt::format(", nor are {} more ranges", gaps.size() - 1) : ""));
  save(all, options.out);
  print(all, options.out, options.json);
  return 0;
}

}  // namespace

void add_metric_features(CLI::App& metric, CommandContext& context) {
  const auto options = std::make_shared<FeaturesOptions>();
  CLI::App* command = metric.add_subcommand("features", "Statistics of features, as a shard that can be merged");
  command->add_option("--input", options->input, "Feature file (.safetensors, .npz)")->required();
  command->add_option("--first-index", options->first_index, "Index of the first sample in the whole set")
      ->capture_default_str();
  command->add_option("--out", options->out, "Statistics file to write (.safetensors)")->required();
  command->add_flag("--json", options->json, "One JSON object on standard output");
  command->callback([options, &context] { context.selected = [options] { return features(*options); }; });
}

void add_metric_merge(CLI::App& metric, CommandContext& context) {
  const auto options = std::make_shared<MergeOptions>();
  CLI::App* command =
      metric.add_subcommand("merge", "One statistics file of several shards; the same bits however it was split");
  command->add_option("shards", options->shards, "What `assay metric features` wrote")->required();
  command->add_option("--out", options->out, "Statistics file to write (.safetensors)")->required();
  command->add_flag("--partial", options->partial, "Accept sample indices that no shard holds");
  command->add_flag("--json", options->json, "One JSON object on standard output");
  command->callback([options, &context] { context.selected = [options] { return merge(*options); }; });
}

}  // namespace assay
