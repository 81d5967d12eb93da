#include "metrics/masks/border_tracing.h"

#include <array>
#include <cmath>
#include <cstdlib>

namespace assay {
namespace {

/// The mask with a frame of background, on which borders leave their numbers: b where a border passed, -b where the
/// pixel to the right is background that it saw.
class BorderTracer {
 public:
  BorderTracer(const std::vector<std::uint8_t>& mask, int width, int height)
      : width_(width),
        height_(height),
        stride_(width + 2),
        marks_(static_cast<std::size_t>(stride_ * (height + 2)), 0) {
    for (int y = 0; y < height; ++y)
      for (int x = 0; x < width; ++x)
        mark((y + 1) * stride_ + x + 1) = mask[static_cast<std::size_t>(std::ptrdiff_t{y} * width + x)];
    const std::array<std::ptrdiff_t, 8> around = {1,  1 - stride_, -stride_, -1 - stride_,
                                                  -1, stride_ - 1, stride_,  stride_ + 1};
    step_ = around;
  }

  std::vector<std::vector<PixelPlace>> run() {
    for (int y = 1; y <= height_; ++y) {
      int last = frame;  // the border met last on this row
      for (int x = 1; x <= width_ + 1; ++x) {
        const std::ptrdiff_t place = y * stride_ + x;
        const int before = mark(place - 1);
        if (before == 0 && mark(place) == 1) {
          add(place, last, false);
          last = static_cast<int>(borders_.size()) - 1;
        } else if (mark(place) == 0 && before >= 1) {
          add(place - 1, before > 1 ? before : last, true);
          last = static_cast<int>(borders_.size()) - 1;
        }
        if (const int here = std::abs(mark(place)); here > 1) last = here;
      }
    }
    std::vector<std::vector<PixelPlace>> out;
    out.reserve(borders_.size());
    std::vector<int> stack = borders_[frame].inside;
    while (!stack.empty()) {
      Border& border = borders_[static_cast<std::size_t>(stack.back())];
      stack.pop_back();
      out.push_back(std::move(border.pixels));
      stack.insert(stack.end(), border.inside.begin(), border.inside.end());
    }
    return out;
  }

 private:
  static constexpr int frame = 1;
  struct Border {
    bool hole = false;
    int parent = frame;
    std::vector<int> inside = {};
    std::vector<PixelPlace> pixels = {};
  };

  int& mark(std::ptrdiff_t place) { return marks_[static_cast<std::size_t>(place)]; }

  void add(std::ptrdiff_t start, int last, bool hole) {
    const Border& met = borders_[static_cast<std::size_t>(last)];
    const int parent = met.hole != hole ? last : met.parent;
    const auto number = static_cast<int>(borders_.size());
    borders_[static_cast<std::size_t>(parent)].inside.push_back(number);
    borders_.push_back({hole, parent});
    trace(start, number);
  }

  /// Directions count counter-clockwise from the right.
  void trace(std::ptrdiff_t start, int number) {
    Border& border = borders_[static_cast<std::size_t>(number)];
    const auto keep = [&](std::ptrdiff_t place) {
      border.pixels.push_back({static_cast<int>(place % stride_) - 1, static_cast<int>(place / stride_) - 1});
    };
    // Clockwise from the background that the scan came from, to the first pixel of the component.
    const unsigned from = border.hole ? 0 : 4;
    unsigned direction = from;
    std::ptrdiff_t first = start;
    do {
      direction = (direction + 7) % 8;
      first = start + step_[direction];
    } while (mark(first) == 0 && direction != from);
    if (direction == from) {
      mark(start) = -number;
      keep(start);
      return;
    }
    for (std::ptrdiff_t here = start;;) {
      // Counter-clockwise from where it came.
      const unsigned came = direction;
      bool saw_right = false;
      std::ptrdiff_t next = here;
      do {
        direction = (direction + 1) % 8;
        next = here + step_[direction];
        saw_right = saw_right || (direction == 0 && mark(next) == 0);
      } while (mark(next) == 0 && direction != came);
      if (saw_right)
        mark(here) = -number;
      else if (mark(here) == 1)
        mark(here) = number;
      keep(here);
      if (next == start && here == first) return;
      here = next;
      direction = (direction + 4) % 8;
    }
  }

  int width_, height_;
  std::ptrdiff_t stride_;
  std::vector<int> marks_;
  std::array<std::ptrdiff_t, 8> step_{};
  std::vector<Border> borders_ = {Border{}, Border{.hole = true}};  // number 0 is background; the frame is a hole
};

struct Offset {
  double x, y;
};

Offset between(const PixelPlace& from, const PixelPlace& to) {
  return {static_cast<double>(to.x - from.x), static_cast<double>(to.y - from.y)};
}

double cross(const Offset& a, const Offset& b) { return a.y * b.x - a.x * b.y; }
double squared(const Offset& a) { return a.x * a.x + a.y * a.y; }

/// The squared distance of a point to the straight piece between two others, times the square of that piece's length.
double scaled_distance(const PixelPlace& point, const PixelPlace& start, const PixelPlace& end) {
  const Offset whole = between(start, end), part = between(start, point);
  const double along = part.x * whole.x + part.y * whole.y;
  if (along < 0.0) return squared(part) * squared(whole);
  if (along > squared(whole)) return squared(between(end, point)) * squared(whole);
  const double across = cross(part, whole);
  return across * across;
}

/// The kept points of a line in order, before the last pass.
std::vector<PixelPlace> kept_points(const std::vector<PixelPlace>& line, double squared_tolerance) {
  struct Slice {
    std::size_t begin, end;
  };
  const std::size_t count = line.size();
  std::vector<Slice> stack;
  std::vector<PixelPlace> kept;
  const bool ring = line.front().x == line.back().x && line.front().y == line.back().y;
  if (!ring) {
    stack.push_back({0, count - 1});
  } else {
    std::size_t farthest = 0;
    double most = 0.0;
    for (std::size_t i = 1; i < count; ++i)
      if (const double d = squared(between(line[0], line[i])); d > most) {
        most = d;
        farthest = i;
      }
    if (most <= squared_tolerance) return {line[0]};
    stack.push_back({farthest, 0});
    stack.push_back({0, farthest});
  }
  while (!stack.empty()) {
    const Slice slice = stack.back();
    stack.pop_back();
    const PixelPlace start = line[slice.begin], end = line[slice.end];
    std::size_t split = slice.begin;
    bool within = true;
    if ((slice.begin + 1) % count != slice.end) {
      double most = 0.0;
      for (std::size_t i = (slice.begin + 1) % count; i != slice.end; i = (i + 1) % count)
        if (const double d = scaled_distance(line[i], start, end); d > most) {
          most = d;
          split = i;
        }
      within = most <= squared_tolerance * squared(between(start, end));
    }
    if (within) {
      kept.push_back(start);
    } else {
      stack.push_back({split, slice.end});
      stack.push_back({slice.begin, split});
    }
  }
  if (!ring) kept.push_back(line.back());
  return kept;
}

}  // namespace

std::vector<std::vector<PixelPlace>> trace_borders(const std::vector<std::uint8_t>& mask, int width, int height) {
  return BorderTracer(mask, width, height).run();
}

int simplified_points(const std::vector<PixelPlace>& line, double tolerance) {
  if (line.empty()) return 0;
  const double squared_tolerance = tolerance * tolerance;
  const std::vector<PixelPlace> kept = kept_points(line, squared_tolerance);
  const std::size_t count = kept.size();
  auto left = static_cast<int>(count);
  if (count < 3) return left;
  PixelPlace start = kept[0], middle = kept[1];
  std::size_t at = 2;
  for (std::size_t i = 1; i + 1 < count && left > 2; ++i) {
    const PixelPlace end = kept[at++ % count];
    const Offset whole = between(start, end), first = between(start, middle), second = between(middle, end);
    const double distance = cross(first, whole);
    const bool straight = distance * distance <= 0.5 * squared_tolerance * squared(whole);
    if (straight && whole.x != 0.0 && whole.y != 0.0 && first.x * second.x + first.y * second.y >= 0.0) {
      --left;
      start = end;
      middle = kept[at++ % count];
      ++i;
      continue;
    }
    start = middle;
    middle = end;
  }
  return left;
}

}  // namespace assay
