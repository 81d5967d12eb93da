#include "metrics/masks/skeleton.h"

#include <array>

namespace assay {
namespace {

/// Eight neighbours clockwise from the upper left one: bit k of a pattern is neighbour k.
struct Neighbours {
  std::array<std::ptrdiff_t, 8> step;
  explicit Neighbours(std::ptrdiff_t stride)
      : step{-stride - 1, -stride, -stride + 1, 1, stride + 1, stride, stride - 1, -1} {}
};

/// Where scikit-image departs from Zhang and Suen: neighbours as a pattern, and the passes that remove such a pixel.
/// Corners of four-connected lines go (10, 40, 130, 160), ends of two pixels side by side mostly in one pass alone or
/// in none, so that lines that are two pixels wide are not worn away from both sides.
struct Departure {
  std::uint8_t pattern, passes;
};
constexpr std::array<Departure, 25> departures = {{{3, 1},   {6, 1},   {10, 3},  {11, 1},  {12, 1},  {14, 1},  {24, 2},
                                                   {26, 2},  {40, 3},  {48, 0},  {56, 2},  {96, 2},  {104, 2}, {108, 2},
                                                   {129, 0}, {130, 3}, {131, 1}, {134, 1}, {160, 3}, {161, 1}, {176, 2},
                                                   {192, 2}, {194, 1}, {198, 1}, {224, 2}}};

/// Bit 0 and bit 1: whether the first and the second pass remove a pixel with these neighbours.
std::array<std::uint8_t, 256> removal_table() {
  std::array<std::uint8_t, 256> table{};
  for (unsigned pattern = 0; pattern < 256; ++pattern) {
    const auto on = [pattern](unsigned k) { return (pattern >> (k % 8) & 1u) != 0; };
    int size = 0, rises = 0;
    for (unsigned k = 0; k < 8; ++k) {
      size += on(k) ? 1 : 0;
      rises += !on(k) && on(k + 1) ? 1 : 0;
    }
    if (size < 2 || size > 6 || rises != 1) continue;
    const bool up = on(1), right = on(3), down = on(5), left = on(7);
    if (!(up && right && down) && !(right && down && left)) table[pattern] |= 1;
    if (!(up && right && left) && !(up && down && left)) table[pattern] |= 2;
  }
  for (const Departure& departure : departures) table[departure.pattern] = departure.passes;
  return table;
}

}  // namespace

std::vector<std::uint8_t> skeleton_of(const std::vector<std::uint8_t>& mask, int width, int height) {
  static const std::array<std::uint8_t, 256> removes = removal_table();
  const std::ptrdiff_t stride = width + 2;
  const Neighbours neighbours(stride);
  std::vector<std::uint8_t> work(static_cast<std::size_t>(stride * (height + 2)), 0);
  const auto at = [](std::ptrdiff_t place) { return static_cast<std::size_t>(place); };
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) work[at((y + 1) * stride + x + 1)] = mask[at(std::ptrdiff_t{y} * width + x)];
  const auto pattern_of = [&](std::ptrdiff_t place) {
    unsigned pattern = 0;
    for (unsigned k = 0; k < 8; ++k) pattern |= static_cast<unsigned>(work[at(place + neighbours.step[k])]) << k;
    return pattern;
  };
  // A pixel without background beside it is not removed: only the others are looked at, and what a removal lays bare.
  std::vector<std::ptrdiff_t> frontier, removed;
  std::vector<std::uint8_t> listed(work.size(), 0);
  const auto list = [&](std::ptrdiff_t place) {
    if (work[at(place)] == 0 || listed[at(place)] != 0) return;
    listed[at(place)] = 1;
    frontier.push_back(place);
  };
  for (int y = 1; y <= height; ++y)
    for (int x = 1; x <= width; ++x)
      if (const std::ptrdiff_t place = y * stride + x; work[at(place)] != 0 && pattern_of(place) != 255) list(place);
  int idle = 0;
  for (std::uint8_t pass = 1; idle < 2; pass ^= 3) {
    removed.clear();
    std::size_t kept = 0;
    for (const std::ptrdiff_t place : frontier) {
      if ((removes[pattern_of(place)] & pass) != 0)
        removed.push_back(place);
      else
        frontier[kept++] = place;
    }
    frontier.resize(kept);
    for (const std::ptrdiff_t place : removed) work[at(place)] = 0;
    for (const std::ptrdiff_t place : removed)
      for (const std::ptrdiff_t step : neighbours.step) list(place + step);
    idle = removed.empty() ? idle + 1 : 0;
  }
  std::vector<std::uint8_t> out(mask.size());
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) out[at(std::ptrdiff_t{y} * width + x)] = work[at((y + 1) * stride + x + 1)];
  return out;
}

}  // namespace assay
