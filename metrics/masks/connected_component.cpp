#include "metrics/masks/connected_component.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"

namespace assay {
namespace {

/// Takes components out of a mask one by one.
class Flood {
 public:
  Flood(const std::uint8_t* mask, int width, int height, Connectivity connectivity)
      : open_(mask, mask + static_cast<std::ptrdiff_t>(width) * height),
        width_(width),
        height_(height),
        reach_(connectivity == Connectivity::eight) {}

  bool holds(std::int64_t place) const { return open_[static_cast<std::size_t>(place)] != 0; }

  /// The pixels that hang together with this one, in no order; they are background from now on.
  std::vector<std::int64_t> take(std::int64_t place) {
    std::vector<std::int64_t> pixels{place};
    open_[static_cast<std::size_t>(place)] = 0;
    for (std::size_t next = 0; next < pixels.size(); ++next) {
      const std::int64_t x = pixels[next] % width_, y = pixels[next] / width_;
      for (std::int64_t dy = -1; dy <= 1; ++dy)
        for (std::int64_t dx = -1; dx <= 1; ++dx) {
          const bool touches = dx == 0 || dy == 0 || reach_;
          const bool inside = x + dx >= 0 && x + dx < width_ && y + dy >= 0 && y + dy < height_;
          const std::int64_t other = pixels[next] + dy * width_ + dx;
          if (!touches || !inside || !holds(other)) continue;
          open_[static_cast<std::size_t>(other)] = 0;
          pixels.push_back(other);
        }
    }
    return pixels;
  }

 private:
  std::vector<std::uint8_t> open_;
  std::int64_t width_, height_;
  bool reach_;  // over corners
};

Component component_of(std::vector<std::int64_t> pixels, int width) {
  Component out;
  std::sort(pixels.begin(), pixels.end());
  out.area = static_cast<std::int64_t>(pixels.size());
  out.box = {width, static_cast<int>(pixels.front() / width), 0, static_cast<int>(pixels.back() / width) + 1};
  for (const std::int64_t place : pixels) {
    const auto x = static_cast<int>(place % width);
    out.box.x0 = std::min(out.box.x0, x);
    out.box.x1 = std::max(out.box.x1, x + 1);
  }
  out.pixels = std::move(pixels);
  return out;
}

}  // namespace

std::optional<Component> largest_component(const std::uint8_t* mask, int width, int height, Connectivity connectivity) {
  Flood flood(mask, width, height, connectivity);
  std::vector<std::int64_t> largest;
  for (std::int64_t place = 0; place < static_cast<std::int64_t>(width) * height; ++place) {
    if (!flood.holds(place)) continue;
    std::vector<std::int64_t> pixels = flood.take(place);
    if (pixels.size() > largest.size()) largest = std::move(pixels);
  }
  if (largest.empty()) return std::nullopt;
  return component_of(std::move(largest), width);
}

std::vector<std::int64_t> component_labels(const std::uint8_t* mask, int width, int height, Connectivity connectivity) {
  Flood flood(mask, width, height, connectivity);
  std::vector<std::int64_t> labels(static_cast<std::size_t>(width) * static_cast<std::size_t>(height), 0);
  std::int64_t label = 0;
  for (std::int64_t place = 0; place < static_cast<std::int64_t>(labels.size()); ++place) {
    if (!flood.holds(place)) continue;
    ++label;
    for (const std::int64_t pixel : flood.take(place)) labels[static_cast<std::size_t>(pixel)] = label;
  }
  return labels;
}

std::optional<Component> component_at(const std::uint8_t* mask, int width, int height, std::int64_t place,
                                      Connectivity connectivity) {
  if (place < 0 || place >= static_cast<std::int64_t>(width) * height)
    throw Error(fmt::format("place {} in a mask of {} x {}", place, width, height));
  Flood flood(mask, width, height, connectivity);
  if (!flood.holds(place)) return std::nullopt;
  return component_of(flood.take(place), width);
}

}  // namespace assay
