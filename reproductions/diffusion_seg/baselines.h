#pragma once
#include <filesystem>
#include <nlohmann/json.hpp>

#include "reproductions/diffusion_seg/config.h"
#include "reproductions/diffusion_seg/study.h"

namespace assay::diffusion_seg {

/// The checkpoint of the self-supervised transformer, trained on the training images or found in the cache: one for all
/// seeds.
std::filesystem::path self_supervised_network(Run& run, const Config& config);

/// What needs no diffusion model, on the same held-out images under the same protocols, in stage "baselines". Arms:
///   tokencut, lost      on the keys of a small transformer that was trained on the same images without labels
///   tokencut_centred, lost_centred  on the same keys less their mean, over the images, at each place: a departure from
///                       both methods, for networks that write more of the place than of the image into their keys
///   tokencut_untrained  on those of the same transformer before its training: the negative control
///   centre_box          half the image's area around its centre: what is known without looking
/// Returns {arm: {"iou", "corloc"}}, a value an image.
nlohmann::json baselines(const Study& s);

}  // namespace assay::diffusion_seg
