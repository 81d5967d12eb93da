#include "reproductions/diffusion_seg/drawn_masks.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <span>

#include "core/parallel.h"
#include "kernels/host_tensor.h"
#include "reproductions/diffusion_seg/algorithm/palette_masks.h"

namespace assay::diffusion_seg {

DrawnTruth drawn_truth(const Study& s, const ObservedImages& drawn) {
  const AttentionCutOptions& limits = s.config.cut.cut;
  const at::Tensor masks = palette_masks(drawn.images), area = (masks > 0).to(at::kDouble).mean({1, 2});
  DrawnTruth truth;
  for (std::int64_t i = 0; i < masks.size(0); ++i) {
    const double share = area[i].item<double>();
    if (share > 0 && share >= limits.area_least && share <= limits.area_most) truth.usable.push_back(i);
  }
  truth.masks = rows_of(masks, truth.usable);
  return truth;
}

at::Tensor masks_of(const Study& s, CutArm arm, const ObservedImages& drawn, const DrawnTruth& truth,
                    const CutChoices& choices, std::uint64_t seed) {
  const std::int64_t height = drawn.images.size(2), width = drawn.images.size(3),
                     count = static_cast<std::int64_t>(truth.usable.size());
  const at::Tensor objects = (truth.masks > 0).to(at::kByte).contiguous();
  at::Tensor masks = at::empty({count, height, width}, at::kByte);
  auto* const all = masks.mutable_data_ptr<std::uint8_t>();
  const bool by_truth = arm == CutArm::random || arm == CutArm::oracle_threshold;
  parallel_for(count, at::get_num_threads(), [&](std::int64_t i, int /*worker*/) {
    const auto image = static_cast<std::size_t>(truth.usable[static_cast<std::size_t>(i)]);
    const KeptMaps& maps = drawn.maps[image];
    const std::span<const std::uint8_t> object(objects.const_data_ptr<std::uint8_t>() + i * height * width,
                                               static_cast<std::size_t>(height * width));
    const std::vector<std::uint8_t> mask =
        by_truth
            ? mask_by_truth(arm, maps, object, height, width, seed, static_cast<std::uint64_t>(drawn.numbers[image]))
            : mask_by(arm, maps, drawn.colours_of(image), s.config.cut, choices, height, width);
    std::transform(mask.begin(), mask.end(), all + i * height * width,
                   [](std::uint8_t value) { return static_cast<std::uint8_t>(255 * value); });
  });
  return masks;
}

std::vector<double> mask_ious(const at::Tensor& masks, const DrawnTruth& truth) {
  const at::Tensor found = masks > 0, object = truth.masks > 0,
                   ious = (found & object).to(at::kDouble).sum({1, 2}) / (found | object).to(at::kDouble).sum({1, 2});
  return {ious.const_data_ptr<double>(), ious.const_data_ptr<double>() + ious.numel()};
}

}  // namespace assay::diffusion_seg
