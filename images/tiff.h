#pragma once
#include <string>
#include <string_view>

#include "images/image.h"

namespace assay {

/// Reads the first page of a TIFF or BigTIFF from memory: strips or tiles, samples together or in planes, either byte
/// order, and every compression of the libtiff in use:
///   grey of 1 to 16 bits -> 1 channel, also where 0 is white; grey with alpha -> RGBA;
///   palette of up to 8 bits -> RGB, of each 16-bit entry the upper byte, as Pillow takes it;
///   RGB -> RGB, with alpha -> RGBA (premultiplied colours are divided by it); YCbCr -> RGB; CMYK -> RGB, with
///   n = 255 - K, R = n - round(C n / 255), and so on;
///   fewer bits than 8 are stretched to 0..255, more become round(255 v / largest v);
///   samples beside colour and alpha are dropped.
/// The picture is turned as its orientation says, which Pillow does for TIFF alone. Lossless files equal Pillow 13
/// wherever Pillow reads them, but for 16 bits, of which Pillow takes the upper byte of colours and clips grey; so do
/// JPEG data. YCbCr without compression is within 1 level of Pillow's.
/// Throws InputError that starts with `where` for files that are damaged, truncated, larger than 2^30 bytes once
/// decoded, or hold other samples (floating point, signed, CIELab).
Image decode_tiff(std::string_view bytes, const std::string& where);

/// A map of class labels, 1 channel: palette indices, or grey values of at most 8 bits as stored; where 0 is white,
/// they are counted from black. Throws InputError for other kinds and for lossy compression, and as decode_tiff() does.
Image decode_tiff_labels(std::string_view bytes, const std::string& where);

}  // namespace assay
