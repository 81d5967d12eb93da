#include "reproductions/diffusion_seg/synthesis.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "core/error.h"
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
Pair pair_of(const PairMaking& making, const ObservedImages& drawn, std::size_t i, std::uint64_t seed) {
  const std::int64_t height = drawn.images.size(2), width = drawn.images.size(3);
  const KeptMaps& maps = drawn.maps[i];
  const AttentionCut cut = cut_by(making.arm, maps, drawn.colours_of(i), making.cut, making.lambda);
  const std::vector<std::uint8_t> mask = resize_mask(cut.mask, maps.height, maps.width, height, width);
  const auto row = static_cast<std::int64_t>(i);
  Pair pair;
  pair.image = drawn.images[row].contiguous();
  pair.masks[cut_mask] = as_tensor(mask, height, width);
  if (making.palettes) pair.masks[exact_mask] = palette_masks(drawn.images.narrow(0, row, 1)).squeeze(0);
  const ObjectPrompt& prompt = making.drawing.prompts[static_cast<std::size_t>(drawn.prompts[i])];
  const auto object = std::count(mask.begin(), mask.end(), std::uint8_t{1});
  pair.facts = {.number = drawn.numbers[i],
                .seed = seed,
                .prompt = prompt.text,
                .word = prompt.words,
                .energies = {{name_of(making.arm, cut_arm_names), cut.energy}},
                .area = static_cast<double>(object) / static_cast<double>(mask.size()),
                .rejected = cut.rejected};
  return pair;
}

void draw_pairs(Run& run, const PairMaking& making, const PairWriter& writer) {
  const auto progress = run.progress("draw pairs", making.pairs, "images");
  std::int64_t before = 0;
  for (const std::vector<std::int64_t>& numbers : parts_of(0, making.pairs, making.part)) {
    std::vector<std::int64_t> missing;
    for (const std::int64_t number : numbers)
      if (!writer.has(number)) missing.push_back(number);
    before += static_cast<std::int64_t>(numbers.size() - missing.size());
    if (missing.empty()) continue;
    const ObservedImages drawn =
        draw_observed(making.drawing, run.seed(), missing, [&](std::int64_t done) { progress(before + done); });
    for (std::size_t i = 0; i < missing.size(); ++i) writer.write(pair_of(making, drawn, i, run.seed()));
    before += static_cast<std::int64_t>(missing.size());
  }
  writer.finish(making.pairs);
}

void record_pairs(const Run& run, CutArm by, const PairSet& pairs, const std::filesystem::path& folder,
                  StageOutput& out) {
  const std::vector<std::int64_t> kept = pairs.kept();
  const std::int64_t all = pairs.count(), good = static_cast<std::int64_t>(kept.size());
  const std::string arm = name_of(by, cut_arm_names);
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
  const auto file = run.artifact_folder() / "pairs.png";
  write_pair_sheet(pairs.images(shown), pairs.masks(cut_mask, shown), columns, file);
  const auto tiles = static_cast<std::int64_t>(shown.size());
  out.artifacts.push_back({.name = "synthetic pairs",
                           .kind = "image-grid",
                           .file = file,
                           .meta = {{"arm", "synthetic pairs"},
                                    {"seed", run.seed()},
                                    {"rows", (tiles + columns - 1) / columns},
                                    {"columns", 2 * std::min(columns, tiles)}}});
}

}  // namespace

PairMaking pair_making(const Study& s, const CutChoices& choices) {
  const std::string arm = name_of(s.config.synthesis_arm, cut_arm_names);
  const double lambda = choices.lambda.at(arm);
  return {.drawing = s.observed(),
          .arm = s.config.synthesis_arm,
          .cut = s.config.cut,
          .lambda = lambda,
          .pairs = s.config.pairs,
          .palettes = has_palettes(s.config.dataset.name),
          .made_by = {{"what", "diffusion_seg pairs"},
                      {"drawing", s.drawing()},
                      {"arm", arm},
                      {"lambda", lambda},
                      {"pairs", s.config.pairs},
                      {"seed", s.run.seed()}}};
}

PairSet synthesised(Run& run, const PairMaking& making) {
  const std::filesystem::path folder = run.artifact_folder() / "pairs";
  run.stage("synthesis", [&](StageOutput& out) {
    draw_pairs(run, making, PairWriter(folder, making.made_by));
    record_pairs(run, making.arm, PairSet(folder), folder, out);
  });
  return PairSet(folder);
}

std::vector<std::int64_t> kept_pairs(const PairSet& pairs, std::int64_t most) {
  std::vector<std::int64_t> kept = pairs.kept();
  if (kept.empty())
    throw InputError(
        fmt::format("of {} drawn pairs none is kept, so that there is nothing to train on; accepted: "
                    "wider limits of area in cut.energy, another lambda, or a text model that is trained "
                    "longer",
                    pairs.count()));
  kept.resize(std::min<std::size_t>(kept.size(), static_cast<std::size_t>(most)));
  return kept;
}

}  // namespace assay::diffusion_seg
