#pragma once
#include <memory>
#include <nlohmann/json.hpp>

#include "reproductions/method.h"

/// DiffusionSeg (Ma et al., arXiv:2303.09813): a text-to-image model draws images whose masks AttentionCut takes from
/// its attention, and a decoder that learned from these pairs segments real images by what the same model sees in them.
/// Arms of the comparison:
///   random, threshold, ..., cut, cut_colour   masks of drawn images (algorithm/cut_arms.h)
///   inversion, noised, rgb, inversion_exact   decoders on held-out real images (segmentation.h)
///   tokencut, lost, tokencut_untrained, centre_box   without a diffusion model (baselines.h)
namespace assay::diffusion_seg {

/// Throws InputError where the configuration is not a complete one.
std::unique_ptr<Method> make_method(const nlohmann::json& config);

}  // namespace assay::diffusion_seg
