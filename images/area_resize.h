#pragma once
#include "images/image.h"

namespace assay {

/// Area average (box filter): each new pixel is the mean of the part of the old image it covers, with exact fractional
/// coverage, in integer arithmetic, rounded once (half up). With 4 channels colours are weighted by alpha, so colours
/// of transparent pixels never bleed in; fully transparent pixels come out as 0.
/// Downscaling only. Throws Error unless 1 <= width <= image.width and 1 <= height <= image.height.
Image area_resize(const Image& image, int width, int height);

}  // namespace assay
