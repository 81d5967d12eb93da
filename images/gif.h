#pragma once
#include <string>
#include <string_view>

#include "images/image.h"

namespace assay {

/// Reads the first frame of a GIF from memory, on its canvas -> RGB, or RGBA where the frame has a transparent colour.
/// Where the frame does not reach, the canvas holds the transparent colour, or else colour 0, as Pillow's does; a frame
/// that reaches over the canvas enlarges it. Colours come from the frame's own palette, else the file's, else from a
/// grey ramp. Interlaced files read the same.
/// Throws InputError that starts with `where` for files that are damaged, truncated within the first frame, without a
/// frame, or larger than 2^30 bytes once decoded.
Image decode_gif(std::string_view bytes, const std::string& where);

/// A map of class labels, 1 channel: the palette indices. Throws InputError where the first frame does not fill its
/// canvas, for there are no labels around it, and as decode_gif() does.
Image decode_gif_labels(std::string_view bytes, const std::string& where);

}  // namespace assay
