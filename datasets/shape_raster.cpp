#include "datasets/shape_raster.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace assay {
namespace {

constexpr double pi = std::numbers::pi;
constexpr double ring_hole = 0.55;   // inner over outer radius
constexpr double star_inner = 0.45;  // inner over outer radius
constexpr double cross_arm = 0.36;   // half the width of an arm over half its length
constexpr double inside_scale = 0.62;
constexpr double ring_rim = 0.12;

struct Point {
  double x, y;
};

struct Interval {
  double begin, end;
};

/// A square standing on its corner with a half disc on each upper side.
struct Heart {
  double half;   // half the square's diagonal
  double disc;   // radius of the discs: half the square's side
  double down;   // of the square's centre, so that the heart's height is centred
  Point centre;  // of the right disc

  Heart() {
    const double down_share = (std::numbers::sqrt2 / 2 - 0.5) / 2;
    half = 1.0 / (std::hypot(0.5, down_share - 0.5) + std::numbers::sqrt2 / 2);
    disc = half * std::numbers::sqrt2 / 2;
    down = half * down_share;
    centre = {half / 2, down - half / 2};
  }
};

/// Corners at circumradius 1 around the origin; empty for shapes with round parts.
std::vector<Point> polygon(Shape shape) {
  std::vector<Point> corners;
  const auto regular = [&](int n, double start) {
    for (int i = 0; i < n; ++i) corners.push_back({std::cos(start + 2 * pi * i / n), std::sin(start + 2 * pi * i / n)});
  };
  switch (shape) {
    case Shape::square:
      regular(4, pi / 4);
      break;
    case Shape::triangle:
      regular(3, -pi / 2);
      break;
    case Shape::hexagon:
      regular(6, 0.0);
      break;
    case Shape::diamond:
      corners = {{0, -1}, {0.7, 0}, {0, 1}, {-0.7, 0}};
      break;
    case Shape::star:
      for (int i = 0; i < 10; ++i) {
        const double angle = -pi / 2 + pi * i / 5, radius = i % 2 == 0 ? 1.0 : star_inner;
        corners.push_back({radius * std::cos(angle), radius * std::sin(angle)});
      }
      break;
    case Shape::cross: {
      const double a = 1.0 / std::hypot(1.0, cross_arm), b = cross_arm * a;
      corners = {{-b, -a}, {b, -a}, {b, -b}, {a, -b}, {a, b},   {b, b},
                 {b, a},   {-b, a}, {-b, b}, {-a, b}, {-a, -b}, {-b, -b}};
      break;
    }
    case Shape::circle:
    case Shape::ring:
    case Shape::heart:
      break;
  }
  return corners;
}

/// The parts of horizontal lines inside one shape of circumradius 1 around the origin.
class Outline {
 public:
  Outline(Shape shape, double hole, double rim) : shape_(shape), hole_(hole), rim_(rim), corners_(polygon(shape)) {}

  /// Disjoint intervals of x on the line at y, ascending.
  const std::vector<Interval>& at(double y) {
    pieces_.clear();
    if (!corners_.empty()) {
      cut_polygon(y);
    } else if (shape_ == Shape::heart) {
      cut_disc({-heart_.centre.x, heart_.centre.y}, heart_.disc, y);
      cut_disc(heart_.centre, heart_.disc, y);
      const double reach = heart_.half - std::abs(y - heart_.down);
      if (reach > 0) pieces_.push_back({-reach, reach});
      merge();
    } else {
      cut_disc({0, 0}, rim_, y);
      if (!pieces_.empty() && std::abs(y) < hole_) {
        const double inner = std::sqrt(hole_ * hole_ - y * y), outer = pieces_[0].end;
        pieces_ = {{-outer, -inner}, {inner, outer}};
      }
    }
    return pieces_;
  }

 private:
  void cut_disc(Point centre, double radius, double y) {
    const double dy = y - centre.y, square = radius * radius - dy * dy;
    if (square > 0) pieces_.push_back({centre.x - std::sqrt(square), centre.x + std::sqrt(square)});
  }

  void cut_polygon(double y) {
    crossings_.clear();
    for (std::size_t i = 0; i < corners_.size(); ++i) {
      const Point &p = corners_[i], &q = corners_[(i + 1) % corners_.size()];
      if ((p.y <= y) != (q.y <= y)) crossings_.push_back(p.x + (q.x - p.x) * (y - p.y) / (q.y - p.y));
    }
    std::sort(crossings_.begin(), crossings_.end());
    for (std::size_t i = 0; i + 1 < crossings_.size(); i += 2) pieces_.push_back({crossings_[i], crossings_[i + 1]});
  }

  void merge() {
    std::sort(pieces_.begin(), pieces_.end(), [](const Interval& a, const Interval& b) { return a.begin < b.begin; });
    std::size_t last = 0;
    for (std::size_t i = 1; i < pieces_.size(); ++i) {
      if (pieces_[i].begin <= pieces_[last].end)
        pieces_[last].end = std::max(pieces_[last].end, pieces_[i].end);
      else
        pieces_[++last] = pieces_[i];
    }
    if (!pieces_.empty()) pieces_.resize(last + 1);
  }

  Shape shape_;
  double hole_, rim_;
  std::vector<Point> corners_;
  Heart heart_;
  std::vector<Interval> pieces_;
  std::vector<double> crossings_;
};

void add_interval(std::vector<double>& coverage, std::size_t row, int size, double begin, double end) {
  begin = std::max(begin, 0.0);
  end = std::min(end, static_cast<double>(size));
  for (int i = static_cast<int>(begin); i < end; ++i)
    coverage[row + static_cast<std::size_t>(i)] += std::min(end, i + 1.0) - std::max(begin, static_cast<double>(i));
}

std::vector<double> rasterise(Outline outline, const Placement& place, int size, double stripe) {
  std::vector<double> coverage(static_cast<std::size_t>(size) * static_cast<std::size_t>(size), 0.0);
  const int first = std::clamp(static_cast<int>(std::floor(place.y - place.radius)), 0, size);
  const int last = std::clamp(static_cast<int>(std::ceil(place.y + place.radius)), 0, size);
  for (int j = first; j < last; ++j) {
    const std::size_t row = static_cast<std::size_t>(j) * static_cast<std::size_t>(size);
    for (int k = 0; k < scan_lines; ++k) {
      const double y = j + (k + 0.5) / scan_lines - place.y;
      if (stripe > 0 && static_cast<int>(std::floor(y / stripe)) % 2 == 0) continue;
      for (const Interval& piece : outline.at(y / place.radius))
        add_interval(coverage, row, size, place.x + place.radius * piece.begin, place.x + place.radius * piece.end);
    }
    for (int i = 0; i < size; ++i) coverage[row + static_cast<std::size_t>(i)] /= scan_lines;
  }
  return coverage;
}

}  // namespace

const std::string& name_of(Shape shape) {
  static const std::array<std::string, shape_count> names{"circle", "square", "triangle", "diamond", "hexagon",
                                                          "star",   "cross",  "ring",     "heart"};
  return names[static_cast<std::size_t>(shape)];
}

std::vector<double> shape_coverage(Shape shape, const Placement& place, int size) {
  return striped_coverage(shape, place, size, 0.0);
}

std::vector<double> striped_coverage(Shape shape, const Placement& place, int size, double stripe) {
  return rasterise(Outline(shape, shape == Shape::ring ? ring_hole : 0.0, 1.0), place, size, stripe);
}

std::vector<double> inside_coverage(Shape shape, const Placement& place, int size) {
  if (shape == Shape::ring) return rasterise(Outline(shape, ring_hole + ring_rim, 1.0 - ring_rim), place, size, 0.0);
  return rasterise(Outline(shape, 0.0, 1.0), {place.x, place.y, place.radius * inside_scale}, size, 0.0);
}

}  // namespace assay
