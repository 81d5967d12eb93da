#pragma once
#include <memory>
#include <nlohmann/json.hpp>
#include <vector>

#include "reproductions/method.h"
#include "reproductions/pretrained_files.h"

/// Self-Guided Diffusion Models (Hu et al., arXiv:2210.06462): what guides the sampler is found in the images by
/// self-supervision (clusters, boxes, masks), so no person labels an image.
///
/// Arms of part `guidance`, each scored by fd-small at the headline guidance weight:
///   uncond_w0              the null condition: no guidance
///   label                  people's labels
///   self_label_kK          k-means clusters of the features of the first encoder; the first K is swept over the
///   weights self_label_ENCODER_kK  the same with a further encoder (random weights, PCA of the pixels) and the first K
///   random_label           random ids, as many as the first K: the negative control
///   uncond_model           a network that was trained without conditions, where the configuration asks for it
/// Arms of part `layouts`, also scored by how much of a layout is found again in its images:
///   self_box, self_mask    LOST's boxes with the clusters of the image, and k-means segments
///   uncond_layout          the null condition of the network for both, whose held-out loss is recorded; with a network
///                          each, uncond_self_box and uncond_self_mask
/// Part `long_tail` compares `label` and `self_label_kK` on training sets of growing imbalance
/// (reproductions/self_guided/long_tail.h). Presets name every departure from the paper: the encoder and its size,
/// `networks: shared`, EMA weights.
namespace assay::self_guided {

/// With a configuration of a tier that trains networks of its own. Throws InputError where it is not a complete one.
std::unique_ptr<Method> make_method(const nlohmann::json& config);
/// The same with these in the place of the networks that come with the program; their bytes must outlive the method.
std::unique_ptr<Method> make_method(const nlohmann::json& config, const std::vector<PretrainedFile>& files);

}  // namespace assay::self_guided
