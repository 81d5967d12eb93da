#include <fmt/format.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "app/torch/statistics_file.h"
#include "app/torch_actions.h"
#include "core/array_file.h"
#include "core/error.h"
#include "core/interrupt.h"
#include "metrics/feature_sets/feature_file.h"

namespace assay {
namespace {

FeatureMoments read_shard(const std::filesystem::path& path) {
  const ArrayFile arrays(path);
  if (!arrays.has(moments_prefix + "nodes"))
    throw InputError(fmt::format(
        "{}: holds no feature moments but {}; expected what `assay metric features --statistics` writes of features or "
        "images",
        path.string(), contents_of(arrays)));
  return FeatureMoments::load(SafetensorsFile(path), moments_prefix);
}

}  // namespace

int merge_action(const MergeCommand& options) {
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

}  // namespace assay
