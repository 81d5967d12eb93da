#pragma once
#include <string>
#include <vector>

#include "images/image.h"

namespace assay {

enum class Shape { circle, square, triangle, diamond, hexagon, star, cross, ring, heart };
inline constexpr int shape_count = 9;

const std::string& name_of(Shape shape);

/// Lines by which each pixel row is sampled; along a line the covered length is exact.
inline constexpr int scan_lines = 64;

/// Where a shape lies: centre and circumradius in pixels. Pixel (i, j) spans [i, i+1) x [j, j+1), y grows downwards.
struct Placement {
  double x = 0, y = 0, radius = 0;
};

/// Share of each pixel that the shape covers, row-major, size * size values in [0, 1].
std::vector<double> shape_coverage(Shape shape, const Placement& place, int size);

/// The same for the parts of the shape in every second horizontal stripe, `stripe` pixels high; the first one begins
/// one stripe below the centre.
std::vector<double> striped_coverage(Shape shape, const Placement& place, int size, double stripe);

/// The same for the part inside the shape's outline: the shape shrunk about its centre, for a ring a thinner ring.
std::vector<double> inside_coverage(Shape shape, const Placement& place, int size);

}  // namespace assay
