#pragma once
#include <span>

#include "metrics/features/resize.h"

namespace assay {

// The two bilinear resizes without antialiasing: resize_to_square with Resize::tensorflow1 and Resize::half_pixel.
void resize_tensorflow1(const RgbPixels& image, int side, std::span<float> out);
void resize_half_pixel(const RgbPixels& image, int side, std::span<float> out);

}  // namespace assay
