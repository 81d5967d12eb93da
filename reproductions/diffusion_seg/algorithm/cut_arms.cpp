#include "reproductions/diffusion_seg/algorithm/cut_arms.h"

#include <algorithm>

#include "core/error.h"
#include "reproductions/diffusion_seg/algorithm/mask_baselines.h"

namespace assay::diffusion_seg {

AttentionCutOptions options_of(CutArm arm, const CutOptions& options, double lambda) {
  AttentionCutOptions own = options.cut;
  own.lambda = lambda;
  own.neighbourhood = arm == CutArm::cut_8 ? Neighbourhood::eight_neighbours : Neighbourhood::all_pairs;
  own.colour = arm == CutArm::cut_colour;
  return own;
}

AttentionCut cut_by(CutArm arm, const KeptMaps& maps, std::span<const float> rgb, const CutOptions& options,
                    double lambda) {
  const AttentionCutOptions own = options_of(arm, options, lambda);
  return attention_cut({.height = maps.height,
                        .width = maps.width,
                        .cross = maps.cross,
                        .self = maps.self,
                        .rgb = own.colour ? rgb : std::span<const float>()},
                       own);
}

std::vector<std::uint8_t> mask_by(CutArm arm, const KeptMaps& maps, std::span<const float> rgb,
                                  const CutOptions& options, const CutChoices& choices, std::int64_t height,
                                  std::int64_t width) {
  std::vector<std::uint8_t> mask;
  switch (arm) {
    case CutArm::threshold:
      mask = above(maps.cross, 0.5);
      break;
    case CutArm::best_threshold:
      mask = above(maps.cross, choices.threshold);
      break;
    case CutArm::otsu:
      mask = above(maps.cross, otsu_threshold(maps.cross));
      break;
    case CutArm::propagated:
      mask = propagated_mask(maps.self, maps.cross, options.power, options.level);
      break;
    case CutArm::cut_8:
    case CutArm::cut:
    case CutArm::cut_colour:
      mask = cut_by(arm, maps, rgb, options, choices.lambda.at(name_of(arm, cut_arm_names))).mask;
      break;
    case CutArm::random:
    case CutArm::oracle_threshold:
      throw Error("mask_by(): this arm looks at the true mask");
  }
  return resize_mask(mask, maps.height, maps.width, height, width);
}

std::vector<std::uint8_t> mask_by_truth(CutArm arm, const KeptMaps& maps, std::span<const std::uint8_t> truth,
                                        std::int64_t height, std::int64_t width, std::uint64_t seed,
                                        std::uint64_t item) {
  if (arm == CutArm::random) {
    const auto object = std::count(truth.begin(), truth.end(), std::uint8_t{1});
    return random_mask(height * width, static_cast<double>(object) / static_cast<double>(truth.size()), seed, item);
  }
  if (arm != CutArm::oracle_threshold) throw Error("mask_by_truth(): this arm needs no true mask");
  const std::vector<float> map = resize_bicubic(maps.cross, maps.height, maps.width, height, width);
  return above(map, best_threshold(map, truth).threshold);
}

}  // namespace assay::diffusion_seg
