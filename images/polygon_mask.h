#pragma once
#include <span>
#include <string>

#include "images/run_lengths.h"

namespace assay {

/// The pixels of a polygon x0, y0, x1, y1, ... as COCO counts them, to the bit of pycocotools 2.0.11. Pixel centres lie
/// at whole numbers and a half, and the far edge is left out: the square from 0 to 9 has 9 x 9 pixels. Vertices may lie
/// outside the image and may coincide; where the polygon crosses itself, pixels inside an even number of times are
/// background.
///
/// The outline is drawn on a grid five times as fine, vertices rounded to it, one point a step along the longer axis of
/// each edge. Wherever it steps over the centre line of a column of pixels, everything below that point changes sides.
///
/// Throws InputError that starts with `where` for an odd number of coordinates, fewer than three vertices, an outline
/// longer than 2^26 / 5 pixels, and a coordinate that is not finite or lies more than 2^20 pixels from 0; Error for an
/// image without pixels.
RunLengths polygon_mask(std::span<const double> coordinates, int width, int height, const std::string& where);

}  // namespace assay
