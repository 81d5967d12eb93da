#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>

#include "images/image.h"
#include "metrics/features/vision_transformer.h"
#include "reproductions/objects/local_features.h"

namespace assay {

/// What LOST and TokenCut show DINO: an RGB image in ImageNet's normalisation, with zeros (its mean colour) on the
/// right and below up to multiples of `patch`. [1, 3, padded_size(height), padded_size(width)] float. Throws InputError
/// for another number of channels.
at::Tensor padded_photograph(const Image& image, std::int64_t patch);

/// The keys of the last block, heads side by side, without the class token's: the features of LOST and TokenCut.
/// `images` [N, 3, H, W] as the network was trained to see them, sides multiples of its patch; position embeddings are
/// resized where the grid is another. In passes of one size for a size of image, each on one thread.
LocalFeatures patch_keys(const VisionTransformer& network, const at::Tensor& images);

}  // namespace assay
