#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

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

void check(const nlohmann::json& config);
std::vector<std::string> needs(const nlohmann::json& config);
std::vector<std::string> describe(const nlohmann::json& config);
MethodPlan plan(const nlohmann::json& config);
/// The products all seeds share: the fd-small network and the self-supervised encoder.
void prepare_features(Run& run);
void prepare_encoder(Run& run);
void run(Run& run);

}  // namespace assay::self_guided
