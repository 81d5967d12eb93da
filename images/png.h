#pragma once
#include <filesystem>
#include <string>
#include <string_view>

#include "images/image.h"

namespace assay {

/// A PNG in 8 bits a channel, without any colour management (gamma and ICC chunks are ignored):
///   grey -> 1 channel, 1/2/4-bit grey is stretched to 0..255;
///   palette -> RGB, or RGBA where the palette has transparency;
///   grey with alpha, or with a transparent colour -> RGBA; RGB with a transparent colour -> RGBA;
///   16 bits -> round(v / 257).
/// Interlaced files read the same. Throws InputError naming `where` when it is not a PNG, damaged, truncated, or
/// larger than 2^30 bytes once decoded.
Image decode_png(std::string_view bytes, const std::string& where);

/// A map of class labels, 1 channel: palette indices, or grey values of at most 8 bits as stored, not stretched. Throws
/// InputError for other kinds, and as decode_png() does.
Image decode_png_labels(std::string_view bytes, const std::string& where);

/// 8-bit grey, RGB or RGBA by the number of channels. Equal images give equal bytes (no time stamp).
/// Throws Error when the image is empty, has another number of channels, or `pixels` has the wrong length.
std::string encode_png(const Image& image);

/// encode_png, written atomically. Throws InputError when the folder cannot be written.
void write_png(const std::filesystem::path& file, const Image& image);

}  // namespace assay
