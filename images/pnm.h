#pragma once
#include <string>
#include <string_view>

#include "images/image.h"

namespace assay {

/// Reads a PBM, PGM or PPM from memory, plain (P1 to P3) or raw (P4 to P6), the first image where the file holds
/// several: bitmaps -> 1 channel, 1 is black (0) and 0 is white (255); grey -> 1 channel; RGB -> RGB; a sample v of
/// largest value m becomes round(255 v / m), halves to even, as Pillow rounds; grey of more than 255 levels too. Our
/// own decoder: the format is a line of text and the samples.
/// Throws InputError that starts with `where` for files that are damaged, truncated, or larger than 2^30 bytes once
/// decoded.
Image decode_pnm(std::string_view bytes, const std::string& where);

/// A map of class labels, 1 channel: grey values of at most 255 as stored; bitmaps as 0 (black) and 1 (white), which is
/// what the same picture gives as a PNG. Throws InputError for other kinds, and as decode_pnm() does.
Image decode_pnm_labels(std::string_view bytes, const std::string& where);

}  // namespace assay
