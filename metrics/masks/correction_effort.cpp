#include "metrics/masks/correction_effort.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "metrics/masks/border_tracing.h"
#include "metrics/masks/connected_component.h"
#include "metrics/masks/skeleton.h"

namespace assay {
namespace {

constexpr int forgiven_width = 5;
constexpr double polygon_tolerance = 2.0;

using Bytes = std::vector<std::uint8_t>;

/// Every pixel with its four neighbours: whether one of them is 1 (`any`), or all are. Neighbours outside the image do
/// not count.
Bytes with_neighbours(const Bytes& mask, int width, int height, bool any) {
  const auto w = static_cast<std::size_t>(width);
  const auto joined = [any](std::uint8_t a, std::uint8_t b) { return static_cast<std::uint8_t>(any ? a | b : a & b); };
  Bytes out(mask.size());
  for (std::size_t y = 0; y < static_cast<std::size_t>(height); ++y) {
    const std::uint8_t* row = mask.data() + y * w;
    const std::uint8_t *up = y > 0 ? row - w : row, *down = y + 1 < static_cast<std::size_t>(height) ? row + w : row;
    std::uint8_t* to = out.data() + y * w;
    for (std::size_t x = 0; x < w; ++x) to[x] = joined(row[x], joined(up[x], down[x]));
    for (std::size_t x = 1; x < w; ++x) to[x] = joined(to[x], row[x - 1]);
    for (std::size_t x = 0; x + 1 < w; ++x) to[x] = joined(to[x], row[x + 1]);
  }
  return out;
}

template <class Of>
Bytes each(std::size_t pixels, const Of& of) {
  Bytes out(pixels);
  for (std::size_t i = 0; i < pixels; ++i) out[i] = of(i) ? 1 : 0;
  return out;
}

/// What remains of a fault after its parts outside `core` were taken off and what touches the rest was grown back, but
/// never onto `barred`.
Bytes relaxed(const Bytes& fault, const Bytes& core, const Bytes& barred, int width, int height) {
  Bytes grown = each(fault.size(), [&](std::size_t i) { return fault[i] != 0 && core[i] != 0; });
  for (int i = 0; i < forgiven_width; ++i) {
    grown = with_neighbours(grown, width, height, true);
    for (std::size_t p = 0; p < grown.size(); ++p) grown[p] &= static_cast<std::uint8_t>(1 - barred[p]);
  }
  return each(fault.size(), [&](std::size_t i) { return fault[i] != 0 && grown[i] != 0; });
}

bool touch(const PixelPlace& a, const PixelPlace& b) {
  const int dx = std::abs(a.x - b.x), dy = std::abs(a.y - b.y);
  return dx <= 1 && dy <= 1 && dx + dy > 0;
}

/// The points of the polygons along the parts of the fault's borders that lie beside `other`, and one for each of its
/// regions that lies beside it nowhere.
std::int64_t points_of(const Bytes& fault, const Bytes& other, int width, int height) {
  const Bytes beside = with_neighbours(other, width, height, true);
  const std::vector<std::int64_t> regions = component_labels(fault.data(), width, height, Connectivity::eight);
  std::vector<char> alone(static_cast<std::size_t>(*std::max_element(regions.begin(), regions.end())) + 1, 1);
  alone[0] = 0;
  Bytes visited(fault.size(), 0);
  std::int64_t points = 0;
  for (const std::vector<PixelPlace>& border : trace_borders(fault, width, height)) {
    std::vector<std::vector<PixelPlace>> parts;
    bool open = false;
    for (const PixelPlace& pixel : border) {
      const auto at = static_cast<std::size_t>(std::ptrdiff_t{pixel.y} * width + pixel.x);
      if (beside[at] == 0 || visited[at] != 0) {
        open = false;
        continue;
      }
      if (!open) parts.emplace_back();
      open = true;
      parts.back().push_back(pixel);
      visited[at] = 1;
      alone[static_cast<std::size_t>(regions[at])] = 0;
    }
    // The border's end runs on into its beginning, which is appended from its far end, as the program does it.
    if (parts.size() > 1 && touch(parts.front().front(), parts.back().back())) {
      parts.back().insert(parts.back().end(), parts.front().rbegin(), parts.front().rend());
      parts.erase(parts.begin());
    }
    for (const auto& part : parts) points += simplified_points(part, polygon_tolerance);
  }
  return points + std::count(alone.begin(), alone.end(), 1);
}

}  // namespace

std::int64_t correction_effort(const Bytes& truth, const Bytes& map, int width, int height) {
  const std::size_t pixels = truth.size();
  const Bytes skeleton = skeleton_of(truth, width, height);
  Bytes core = each(pixels, [&](std::size_t i) { return truth[i] != 0 || map[i] != 0; });
  for (int i = 0; i < forgiven_width; ++i) core = with_neighbours(core, width, height, false);
  const Bytes excess =
      relaxed(each(pixels, [&](std::size_t i) { return map[i] != 0 && truth[i] == 0; }), core, truth, width, height);
  Bytes missed =
      relaxed(each(pixels, [&](std::size_t i) { return truth[i] != 0 && map[i] == 0; }), core, map, width, height);
  for (std::size_t i = 0; i < pixels; ++i)
    if (skeleton[i] != 0 && map[i] == 0) missed[i] = 1;
  const auto hit = [&](std::size_t i) { return truth[i] != 0 && map[i] != 0; };
  const Bytes beside_excess = each(pixels, [&](std::size_t i) { return hit(i) || missed[i] != 0; });
  const Bytes beside_missed = each(pixels, [&](std::size_t i) { return !hit(i) && excess[i] == 0 && missed[i] == 0; });
  return points_of(excess, beside_excess, width, height) + points_of(missed, beside_missed, width, height);
}

}  // namespace assay
