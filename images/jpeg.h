#pragma once
#include <string>
#include <string_view>

#include "images/image.h"

namespace assay {

/// A JPEG, baseline or progressive, with the accurate integer DCT and smooth chroma upsampling:
///   grey -> 1 channel; YCbCr or RGB -> RGB;
///   CMYK and YCCK -> RGB, taking the four inks as Adobe writes them (inverted): with n = 255 - K, R = n - round(C n /
///   255), and so on, which is what Pillow's convert("RGB") gives.
/// Colour profiles are ignored, and so is the EXIF orientation: the pixels come as stored, as Pillow's open() gives
/// them. Equal to Pillow 13 with libjpeg-turbo 3.2 in every pixel on grey, 4:4:4, 4:2:2, 4:2:0, progressive and CMYK
/// files of odd and even size.
/// Throws InputError naming `where` when it is not a JPEG, truncated, damaged in its coded data, of another
/// kind (12 bits, 2 channels, lossless), or larger than 2^30 bytes once decoded. Stray bytes between segments, which
/// leave the pixels whole, are passed over.
Image decode_jpeg(std::string_view bytes, const std::string& where);

}  // namespace assay
