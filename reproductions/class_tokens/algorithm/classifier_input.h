#pragma once
#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>

#include "core/names.h"

namespace assay::class_tokens {

/// How a decoded image gets to an image classifier, as the published code has it (utils.py, transform_img_tensor).
struct ClassifierInput {
  std::int64_t resize = 0;  // pixels of the short side, bicubic without antialiasing; 0: not resized
  std::int64_t crop = 0;    // pixels a side of the centre that is kept; 0: all
  std::array<double, 3> mean = {0, 0, 0}, deviation = {1, 1, 1};  // of each channel, taken from values in [0, 1]
};

/// The published classifiers.
///   inet       google/vit-large-patch16-224
///   cub, inat  vesteinn/vit-mae-cub, vesteinn/vit-mae-inat21
enum class PublishedClassifier { inet, cub, inat };
inline constexpr Names<PublishedClassifier> published_classifier_names = {
    {"inet", PublishedClassifier::inet}, {"cub", PublishedClassifier::cub}, {"inat", PublishedClassifier::inat}};
ClassifierInput classifier_input_of(PublishedClassifier classifier);

/// `images` [B, 3, H, W] in [0, 1] as the classifier sees them, differentiable. The long side of a resized image is cut
/// down to whole pixels. Where an odd number of pixels is cropped away, the centre lies between two pixels, and each
/// value is the mean of both, as the published code has it. Throws InputError for images smaller than the crop.
at::Tensor classifier_input(const at::Tensor& images, const ClassifierInput& options);

}  // namespace assay::class_tokens
