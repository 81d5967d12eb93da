#pragma once
#include <string>
#include <string_view>

#include "images/image.h"

namespace assay {

/// Reads a WebP from memory: lossy or lossless -> RGB, or RGBA with straight alpha; of an animation the first frame,
/// on a canvas that is black where the frame does not reach, and transparent where the file has alpha. Colour profiles
/// and the EXIF orientation are ignored. Equal to Pillow 13 with libwebp 1.6 in every pixel, lossy files included
/// (libwebp 1.2.4 here). Throws InputError that starts with `where` for files that are damaged, truncated, or larger
/// than 2^30 bytes once decoded.
Image decode_webp(std::string_view bytes, const std::string& where);

}  // namespace assay
