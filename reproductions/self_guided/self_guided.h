#pragma once
#include <memory>
#include <nlohmann/json.hpp>

#include "reproductions/method.h"

/// Self-Guided Diffusion Models (Hu et al., arXiv:2210.06462), self-labelled variant: the labels that guide the sampler
/// are clusters of self-supervised features, so no person labels an image.
///
/// Arms, each scored by fd-small at the headline guidance weight and along the sweep:
///   uncond_w0        w = 0, no guidance
///   label            the people's labels
///   self_label_kK    k-means clusters of the encoder's features
///   random_label     random ids, as many as the first K: the negative control
/// Departures from the paper, all named in the preset: the encoder and its size, `networks: shared`, EMA weights.
namespace assay::self_guided {

/// With a configuration of a tier that trains networks of its own. Throws InputError where it is not a complete one.
std::unique_ptr<Method> make_method(const nlohmann::json& config);

}  // namespace assay::self_guided
