#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>

namespace assay::self_guided {

/// What part of an image the denoiser is trained on, in the image's pixels, which need not be whole.
struct Crop {
  double left = 0, top = 0, right = 0, bottom = 0;
};

/// `crop` of maps [..., H, W] at height x width by the nearest pixel: output pixel i shows the pixel under its centre,
/// floor(left + (i + 0.5) (right - left) / width), as Pillow and torch's "nearest-exact" do. Cropping what is shown of
/// an image this way keeps a layout in step with it; a box may fall outside altogether (an all-zero layout).
/// Throws InputError for a crop that is empty or leaves the map.
at::Tensor crop_nearest(const at::Tensor& maps, const Crop& crop, std::int64_t height, std::int64_t width);

}  // namespace assay::self_guided
