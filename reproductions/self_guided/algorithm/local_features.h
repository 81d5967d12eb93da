#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>

#include "metrics/features/conv_encoder.h"
#include "reproductions/objects/local_features.h"

namespace assay::self_guided {

/// Activations of the encoder after its first `convolutions` (ConvEncoder::local). Each image's mean over its places is
/// taken off: activations after a ReLU are all positive, so products of them would be too, and LOST would see every
/// patch alike. Then every place is scaled to unit length. `images` [N, 3, H, W] in [-1, 1], square, a side a multiple
/// of the encoder's stride there (InputError).
LocalFeatures encoder_features(const ConvEncoder& encoder, const at::Tensor& images, std::int64_t convolutions);

}  // namespace assay::self_guided
