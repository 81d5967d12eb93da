#include "reproductions/diffusion_seg/synthesis.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "metrics/statistics/proportion.h"
#include "reproductions/diffusion_seg/algorithm/palette_masks.h"

namespace assay::diffusion_seg {
namespace {

at::Tensor as_tensor(const std::vector<std::uint8_t>& mask, std::int64_t height, std::int64_t width) {
  at::Tensor bytes = at::empty({height, width}, at::kByte);
  std::transform(mask.begin(), mask.end(), bytes.mutable_data_ptr<std::uint8_t>(),
                 [](std::uint8_t value) { return static_cast<std::uint8_t>(255 * value); });
  return bytes;
}

/// Pair `i` of those that were drawn.
Pair pair_of(const Study& s, const CutChoices& choices, const ObservedImages& drawn, std::size_t i) {
  const std::int64_t height = drawn.images.size(2), width = drawn.images.size(3);
  const std::string arm = name_of(s.config.synthesis_arm, cut_arm_names);
  const KeptMaps& maps = drawn.maps[i];
  const AttentionCut cut =
      cut_by(s.config.synthesis_arm, maps, drawn.colours_of(i), s.config.cut, choices.lambda.at(arm));
  const std::vector<std::uint8_t> mask = resize_mask(cut.mask, maps.height, maps.width, height, width);
  const auto row = static_cast<std::int64_t>(i);
  Pair pair;
  pair.image = drawn.images[row].contiguous();
  pair.masks[cut_mask] = as_tensor(mask, height, width);
  if (has_palettes(s.config.dataset.name))
    pair.masks[exact_mask] = palette_masks(drawn.images.narrow(0, row, 1)).squeeze(0);
  const ObjectPrompt& prompt = s.prompts[static_cast<std::size_t>(drawn.prompts[i])];
  const auto object = std::count(mask.begin(), mask.end(), std::uint8_t{1});
  pair.facts = {.number = drawn.numbers[i],
                .seed = s.run.seed(),
                .prompt = prompt.text,
                .word = prompt.words,
                .energies = {{arm, cut.energy}},
                .area = static_cast<double>(object) / static_cast<double>(mask.size()),
                .rejected = cut.rejected};
  return pair;
}

void draw_pairs(const Study& s, const CutChoices& choices, const PairWriter& writer) {
  const auto progress = s.run.progress("draw pairs", s.config.pairs, "images");
  std::int64_t before = 0;
  for (const std::vector<std::int64_t>& numbers : parts_of(0, s.config.pairs)) {
    std::vector<std::int64_t> missing;
    for (const std::int64_t number : numbers)
      if (!writer.has(number)) missing.push_back(number);
    before += static_cast<std::int64_t>(numbers.size() - missing.size());
    if (missing.empty()) continue;
    const ObservedImages drawn =
        draw_observed(s, s.run.seed(), missing, [&](std::int64_t done) { progress(before + done); });
    for (std::size_t i = 0; i < missing.size(); ++i) writer.write(pair_of(s, choices, drawn, i));
    before += static_cast<std::int64_t>(missing.size());
  }
  writer.finish(s.config.pairs);
}

void record_pairs(const Study& s, const PairSet& pairs, const std::filesystem::path& folder, StageOutput& out) {
  const std::vector<std::int64_t> kept = pairs.kept();
  const std::int64_t all = pairs.count(), good = static_cast<std::int64_t>(kept.size());
  const std::string arm = name_of(s.config.synthesis_arm, cut_arm_names);
  out.protocols.push_back({.name = "attention-cut", .choices = {{"images", "drawn"}}});
  out.scores.push_back({.arm = arm,
                        .name = "kept_share",
                        .value = static_cast<double>(good) / static_cast<double>(all),
                        .direction = Better::higher,
                        .n = all,
                        .interval = wilson_interval(good, all, "Wilson over images"),
                        .protocol = "attention-cut"});
  std::int64_t small = 0;
  for (const PairFacts& facts : pairs.facts()) small += !facts.kept() && facts.area < 0.5 ? 1 : 0;
  out.notes.push_back(
      fmt::format("pairs: {} of {} kept; {} masks were too small, {} too large", good, all, small, all - good - small));
  out.artifacts.push_back({.name = "pairs", .kind = "pairs", .file = folder / "index.json", .meta = {{"arm", arm}}});
  if (kept.empty()) return;
  constexpr std::int64_t columns = 6;
  const std::vector<std::int64_t> shown(kept.begin(), kept.begin() + std::min<std::int64_t>(good, 24));
  const auto file = s.run.artifact_folder() / "pairs.png";
  write_pair_sheet(pairs.images(shown), pairs.masks(cut_mask, shown), columns, file);
  const auto tiles = static_cast<std::int64_t>(shown.size());
  out.artifacts.push_back({.name = "synthetic pairs",
                           .kind = "image-grid",
                           .file = file,
                           .meta = {{"arm", "synthetic pairs"},
                                    {"seed", s.run.seed()},
                                    {"rows", (tiles + columns - 1) / columns},
                                    {"columns", 2 * std::min(columns, tiles)}}});
}

}  // namespace

nlohmann::json pairs_identity(const Study& s, const CutChoices& choices) {
  return {{"what", "diffusion_seg pairs"},
          {"drawing", s.drawing()},
          {"arm", name_of(s.config.synthesis_arm, cut_arm_names)},
          {"lambda", choices.lambda.at(name_of(s.config.synthesis_arm, cut_arm_names))},
          {"pairs", s.config.pairs},
          {"seed", s.run.seed()}};
}

PairSet synthesised(const Study& s, const CutChoices& choices) {
  const std::filesystem::path folder = s.run.artifact_folder() / "pairs";
  s.run.stage("synthesis", [&](StageOutput& out) {
    draw_pairs(s, choices, PairWriter(folder, pairs_identity(s, choices)));
    record_pairs(s, PairSet(folder), folder, out);
  });
  return PairSet(folder);
}

}  // namespace assay::diffusion_seg
