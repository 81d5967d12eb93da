#pragma once
#include <memory>
#include <nlohmann/json.hpp>

#include "reproductions/method.h"

/// Tier `paper`: pairs that Stable Diffusion draws of class words, a decoder that learns from them, and what it finds
/// in the published sets of saliency and localisation, a row each; beside it TokenCut and LOST on DINO's own weights.
/// The stages are those of the trained tiers. Arms of every row, its scores with params {"set": ROW}:
///   inversion        the decoder
///   tokencut, lost   without a diffusion model
namespace assay::diffusion_seg::paper {

/// Throws InputError where the configuration is not a complete one.
std::unique_ptr<Method> make_method(const nlohmann::json& config);

}  // namespace assay::diffusion_seg::paper
