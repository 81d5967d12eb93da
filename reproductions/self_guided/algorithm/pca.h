#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>

namespace assay::self_guided {

/// The baseline encoder: coordinates of `images` [N, C, H, W] along the `components` directions of largest variance of
/// the pixels of `fitted_on` (of the images themselves where undefined), [N, components]. No label is seen. Throws
/// InputError when there are fewer pixels than components.
at::Tensor pca_features(const at::Tensor& images, std::int64_t components, const at::Tensor& fitted_on = {});

}  // namespace assay::self_guided
