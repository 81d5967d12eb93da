#include "reproductions/diffusion_seg/baselines.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>

#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "core/hash.h"
#include "reproductions/diffusion_seg/mask_scores.h"
#include "reproductions/objects/found_objects.h"
#include "reproductions/objects/patch_keys.h"

namespace assay::diffusion_seg {
namespace {

nlohmann::json network_identity(Run& run, const Config& config) {
  return {{"what", "self-distilled transformer"},
          {"options", to_json(config.baselines.network)},
          {"side", config.dataset.size},
          {"dataset", run.dataset().hash()},
          {"device", run.device().is_cpu() ? "cpu" : "cuda"},
          {"seed", 0}};
}

/// What an arm found: maps [N, H, W] uint8 and a box of each.
struct Found {
  std::string arm;
  at::Tensor maps;
  std::vector<std::optional<BoxCorners>> boxes;
};

Found found_by(const std::string& arm, const FoundObjects& objects) {
  Found found{arm, (objects.masks.squeeze(1) > 0.5).to(at::kByte) * 255, {}};
  for (const PixelBox& box : objects.boxes)
    found.boxes.emplace_back(BoxCorners{static_cast<double>(box[0]), static_cast<double>(box[1]),
                                        static_cast<double>(box[2]), static_cast<double>(box[3])});
  return found;
}

Found centre_box(std::int64_t images, std::int64_t height, std::int64_t width) {
  const double margin = (1 - std::sqrt(0.5)) / 2;
  const auto top = static_cast<std::int64_t>(std::llround(margin * static_cast<double>(height))),
             left = static_cast<std::int64_t>(std::llround(margin * static_cast<double>(width)));
  Found found{"centre_box", at::zeros({images, height, width}, at::kByte), {}};
  found.maps.narrow(1, top, height - 2 * top).narrow(2, left, width - 2 * left).fill_(255);
  found.boxes.assign(static_cast<std::size_t>(images),
                     BoxCorners{static_cast<double>(left), static_cast<double>(top), static_cast<double>(width - left),
                                static_cast<double>(height - top)});
  return found;
}

/// Keys less the mean, over the images, of those at the same place. What a network writes into its keys of where a
/// patch lies is the same in every image; it outweighs the image where the network is small.
LocalFeatures without_place(LocalFeatures keys) {
  keys.values = keys.values - keys.values.mean(0, true);
  return keys;
}

}  // namespace

std::filesystem::path self_supervised_network(Run& run, const Config& config) {
  const nlohmann::json identity = network_identity(run, config);
  return run.product("self-supervised", identity, [&](const std::filesystem::path& file) {
    const SelfDistillationOptions& options = config.baselines.network;
    const auto progress = run.progress("train transformer without labels", options.steps, "steps");
    train_by_self_distillation(load_images(run.dataset(), Split::train).images.to(run.device()), options, 0,
                               {file, identity.dump(), run.checkpoint_seconds()},
                               [&](std::int64_t step, double) { progress(step); });
  });
}

nlohmann::json baselines(const Study& s) {
  return s.run.stage("baselines", [&](StageOutput& out) {
    const BaselineConfig& config = s.config.baselines;
    const std::int64_t n = s.real.images.size(0), height = s.real.images.size(2), width = s.real.images.size(3);
    const std::filesystem::path file = self_supervised_network(s.run, s.config);
    const at::Tensor images = from_bytes(s.real.images).to(s.device());
    const LocalFeatures keys = patch_keys(self_distilled_network(file, config.network, width, s.device()), images),
                        centred = without_place(keys),
                        untrained = patch_keys(untrained_network(config.network, width, 0, s.device()), images);
    const std::vector<Found> all = {
        found_by("tokencut", find_by_tokencut(keys, config.tokencut, height, width)),
        found_by("lost", find_by_lost(keys, config.candidate_share, height, width)),
        found_by("tokencut_centred", find_by_tokencut(centred, config.tokencut, height, width)),
        found_by("lost_centred", find_by_lost(centred, config.candidate_share, height, width)),
        found_by("tokencut_untrained", find_by_tokencut(untrained, config.tokencut, height, width)),
        centre_box(n, height, width)};
    const Resampling how{s.config.bootstrap, s.run.seed()};
    const nlohmann::json reference = {
        {"images", "held out"}, {"data", s.run.dataset().hash()}, {"transformer", hash_file(file)}};
    add_mask_protocols(out, reference);
    add_corloc_protocol(out, reference);
    for (const Found& found : all) {
      const MaskScores scores = score_masks(found.maps, s.real.masks);
      const std::vector<double> hits = box_hits(found.boxes, s.real.boxes);
      add_mask_scores(out, found.arm, scores, how);
      add_corloc(out, found.arm, hits);
      if (found.arm == "tokencut") add_overlays(out, s.run, found.arm, s.real.images, found.maps, scores.iou);
      out.result[found.arm] = {{"iou", scores.iou}, {"corloc", hits}};
    }
  });
}

}  // namespace assay::diffusion_seg
