#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>

#include "metrics/features/conv_encoder.h"

namespace assay::self_guided {

/// Features of the places of images of one size.
struct LocalFeatures {
  at::Tensor values;  // [N, rows * columns, C] float32 on the CPU, row by row
  std::int64_t rows = 0, columns = 0;
  std::int64_t patch = 1;  // pixels a side of a place
};

/// What is taken off the features before products of them have signs that mean something: activations after a ReLU are
/// all positive, and LOST would see every patch alike.
enum class Centring {
  none,
  set,    // the mean over all images and places
  image,  // each image's mean over its places
};

/// Activations of the encoder after its first `convolutions` (ConvEncoder::local), centred and, where asked, scaled to
/// unit length. `images` [N, 3, H, W] in [-1, 1], square, a side a multiple of the encoder's stride there (InputError).
LocalFeatures encoder_features(const ConvEncoder& encoder, const at::Tensor& images, std::int64_t convolutions,
                               Centring centring, bool unit_length);

/// Colours and place of each pixel, which nobody has learned: C = 5, the colours in [-1, 1], x and y from -position to
/// position, centred.
LocalFeatures pixel_features(const at::Tensor& images, double position, Centring centring);

}  // namespace assay::self_guided
