#include "images/polygon_mask.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "core/error.h"

namespace assay {
namespace {

constexpr int fine = 5;                  // points of the fine grid a pixel
constexpr int before_centre = fine / 2;  // the last of them left of a pixel's centre line
constexpr double furthest = 1 << 20;
constexpr std::int64_t longest = 1 << 26;  // an outline, in points of the fine grid

struct Point {
  int x, y;
};

/// Truncated, not floored: to the left of and above the image this is another point, and its pixels count nothing. As
/// pycocotools rounds, which is not as lround() does below zero.
int half_up(double coordinate) {
  coordinate += 0.5;
  return static_cast<int>(coordinate);
}

int on_fine_grid(double coordinate) { return half_up(fine * coordinate); }

/// Calls visit(point) for one point a step of the longer axis, from the first to the last. The other coordinate is
/// reckoned from the end that is lower along that axis, so that an edge has the same points either way. Nothing here
/// may be fused into one rounding (-ffp-contract=off).
template <class Visit>
void walk_edge(Point from, Point to, const Visit& visit) {
  const int dx = std::abs(to.x - from.x), dy = std::abs(to.y - from.y), steps = std::max(dx, dy);
  if (steps == 0) {
    visit(from);
    return;
  }
  const bool along_x = dx >= dy;
  const bool backwards = along_x ? from.x > to.x : from.y > to.y;
  const Point low = backwards ? to : from, high = backwards ? from : to;
  const int begin = along_x ? low.y : low.x, end = along_x ? high.y : high.x;
  const double slope = static_cast<double>(end - begin) / steps;
  for (int i = 0; i <= steps; ++i) {
    const int step = backwards ? steps - i : i;
    const int across = half_up(begin + slope * step);
    visit(along_x ? Point{low.x + step, across} : Point{across, low.y + step});
  }
}

/// The places, column by column, from which on pixels change sides.
std::vector<std::int64_t> crossings(std::span<const Point> vertices, int width, int height) {
  std::vector<std::int64_t> places;
  Point before = vertices[0];
  const auto step_to = [&](Point point) {
    const int left = std::min(point.x, before.x), top = std::min(point.y, before.y);
    const bool crosses = point.x != before.x && left >= 0 && left % fine == before_centre && left / fine < width;
    before = point;
    if (!crosses) return;
    // The first pixel whose centre is not above the upper of the two points.
    const int row = top <= before_centre ? 0 : (top - before_centre + fine - 1) / fine;
    places.push_back(static_cast<std::int64_t>(left / fine) * height + std::min(row, height));
  };
  for (std::size_t i = 0; i < vertices.size(); ++i)
    walk_edge(vertices[i], vertices[(i + 1) % vertices.size()], step_to);
  std::sort(places.begin(), places.end());
  return places;
}

}  // namespace

RunLengths polygon_mask(std::span<const double> coordinates, int width, int height, const std::string& where) {
  const std::int64_t pixels = static_cast<std::int64_t>(width) * height;
  if (width < 1 || height < 1 || pixels > 0xFFFFFFFF)
    throw Error(fmt::format("a polygon in an image of {} x {}", width, height));
  if (coordinates.size() % 2 != 0)
    throw InputError(
        fmt::format("{}: a polygon of {} coordinates; expected pairs of x and y", where, coordinates.size()));
  if (coordinates.size() < 6)
    throw InputError(fmt::format("{}: a polygon of {} vertices; expected at least 3", where, coordinates.size() / 2));
  std::vector<Point> vertices;
  vertices.reserve(coordinates.size() / 2);
  for (std::size_t i = 0; i < coordinates.size(); ++i) {
    // Also false where it is no number.
    if (!(std::abs(coordinates[i]) <= furthest))
      throw InputError(fmt::format("{}: coordinate {} of a polygon is {}; accepted: -{} to {}", where, i,
                                   coordinates[i], furthest, furthest));
    if (i % 2 == 1) vertices.push_back({on_fine_grid(coordinates[i - 1]), on_fine_grid(coordinates[i])});
  }

  std::int64_t length = 0;
  for (std::size_t i = 0; i < vertices.size(); ++i) {
    const Point a = vertices[i], b = vertices[(i + 1) % vertices.size()];
    length += std::max(std::abs(a.x - b.x), std::abs(a.y - b.y));
  }
  if (length > longest)
    throw InputError(fmt::format("{}: a polygon with an outline of {} pixels; accepted: up to {}", where, length / fine,
                                 longest / fine));

  RunLengths out{width, height, {}};
  const std::vector<std::int64_t> places = crossings(vertices, width, height);
  std::int64_t done = 0;
  for (std::size_t i = 0; i < places.size(); ++i) {
    // Two crossings at one place undo each other.
    if (i + 1 < places.size() && places[i + 1] == places[i]) {
      ++i;
      continue;
    }
    out.counts.push_back(static_cast<std::uint32_t>(places[i] - done));
    done = places[i];
  }
  if (done < pixels) out.counts.push_back(static_cast<std::uint32_t>(pixels - done));
  return out;
}

}  // namespace assay
