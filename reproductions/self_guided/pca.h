#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>

namespace assay {

/// The baseline encoder: coordinates of `images` [N, C, H, W] along the `components` directions of largest variance of
/// their pixels, [N, components]. No label is seen. Throws InputError when there are fewer pixels than components.
at::Tensor pca_features(const at::Tensor& images, std::int64_t components);

}  // namespace assay
