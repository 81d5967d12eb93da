#pragma once
#include <cstdint>
#include <vector>

namespace assay {

/// A pixel of an image.
struct PixelPlace {
  int x = 0, y = 0;
};

/// The borders of the 8-connected components of a mask of width * height bytes (0 or 1) and of their holes, pixel by
/// pixel, each as long as it is traced (Suzuki and Abe, CVGIP 30, 1985). An outer border begins at the first pixel of
/// its component row by row; a hole's is made of the component's pixels around it. Order: a border, then what lies
/// inside it; of neighbours the one found last comes first. That is OpenCV's findContours with RETR_TREE and
/// CHAIN_APPROX_NONE.
std::vector<std::vector<PixelPlace>> trace_borders(const std::vector<std::uint8_t>& mask, int width, int height);

/// How many points the Ramer-Douglas-Peucker simplification of an open line of pixels keeps within `tolerance` pixels:
/// OpenCV's approxPolyDP, which measures to the piece between two kept points, not to the line through them, and whose
/// last pass drops inner points that lie on nearly straight, slanted lines. A line whose
/// ends are one pixel is taken as a ring. 0 of none.
int simplified_points(const std::vector<PixelPlace>& line, double tolerance);

}  // namespace assay
