#pragma once
#include "images/image.h"

namespace assay {

/// The square around the centre of an RGBA image: the wide sides are cut where they are fully transparent, else the
/// short sides are padded with transparent pixels. Its side is the image's width or its height. Throws Error unless the
/// image has 4 channels and at least one pixel.
Image centred_square(Image image);

}  // namespace assay
