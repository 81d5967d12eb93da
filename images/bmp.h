#pragma once
#include <string>
#include <string_view>

#include "images/image.h"

namespace assay {

/// Reads a BMP from memory: headers of OS/2 (12, 16 and 64 bytes) and Windows (40 to 124), bottom-up or top-down:
///   1, 2, 4 and 8 bits, plain or run-length coded -> RGB by the palette; an index without an entry is black, and so is
///   what run-length codes leave out by index 0;
///   16, 24 and 32 bits -> RGB; RGBA where bit masks name an alpha channel, or 32-bit masks are all zero;
///   fewer than 8 bits of a colour -> floor(255 v / largest v), which is what Pillow gives.
/// The fourth byte of 32-bit pixels without masks is padding. Our own decoder, because no small maintained library
/// gives the indices of a palette and Pillow's values of 16-bit pixels. Throws InputError that starts with `where` for
/// files that are damaged, truncated, larger than 2^30 bytes once decoded, or hold an embedded JPEG or PNG, Huffman
/// codes or 24-bit runs.
Image decode_bmp(std::string_view bytes, const std::string& where);

/// A map of class labels, 1 channel: the palette indices. Throws InputError for files without a palette, and as
/// decode_bmp() does.
Image decode_bmp_labels(std::string_view bytes, const std::string& where);

}  // namespace assay
