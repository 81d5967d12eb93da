#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "app/command.h"
#include "app/metric/metric_command.h"
#include "app/metric/statistics_file.h"
#include "core/array_file.h"
#include "core/error.h"
#include "core/interrupt.h"
#include "metrics/feature_sets/feature_file.h"

namespace assay {
namespace {

struct MergeOptions {
  std::vector<std::filesystem::path> shards;
  std::filesystem::path out;
  bool partial = false;
  bool json = false;
  std::chrono::steady_clock::time_point started = std::chrono::steady_clock::now();
};

FeatureMoments read_shard(const std::filesystem::path& path) {
  const ArrayFile arrays(path);
  if (!arrays.has(moments_prefix + "nodes"))
    throw InputError(fmt::format(
        "{}: holds no feature moments but {}; expected what `assay metric features --statistics` writes of features or "
        "images",
        path.string(), contents_of(arrays)));
  return FeatureMoments::load(SafetensorsFile(path), moments_prefix);
}

int merge(const MergeOptions& options) {
  FeatureMoments all = read_shard(options.shards.front());
  for (std::size_t i = 1; i < options.shards.size(); ++i) {
    stop_if_interrupted();
    const FeatureMoments shard = read_shard(options.shards[i]);
    try {
      all.merge(shard);
    } catch (const InputError& error) {
      throw InputError(fmt::format("{}: {}", options.shards[i].string(), error.what()));
    }
  }
  const auto gaps = all.gaps();
  std::vector<std::string> notes;
  if (!gaps.empty()) {
    notes.push_back(fmt::format("samples {} to {} are in no shard{}", gaps[0].first, gaps[0].second,
                                gaps.size() > 1 ? fmt::format(", nor are {} more ranges", gaps.size() - 1) : ""));
    if (!options.partial) throw InputError(notes[0] + "; --partial merges what there is");
  }
  write_statistics(all, options.out, options.json, notes, options.started);
  return 0;
}

}  // namespace

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
