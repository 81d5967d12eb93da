#pragma once
#include <span>

#include "metrics/features/resize.h"

namespace assay {

// The resizes whose filter widens with the reduction: resize_to_square with Resize::pillow_bicubic,
// Resize::antialiased_bilinear and Resize::antialiased_bicubic.
void resize_pillow_bicubic(const RgbPixels& image, int side, std::span<float> out);
void resize_antialiased_bilinear(const RgbPixels& image, int side, std::span<float> out);
void resize_antialiased_bicubic(const RgbPixels& image, int side, std::span<float> out);

}  // namespace assay
