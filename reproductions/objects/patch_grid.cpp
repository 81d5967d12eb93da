#include "reproductions/objects/patch_grid.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "core/error.h"
#include "metrics/masks/connected_component.h"

namespace assay {

std::int64_t padded_size(std::int64_t pixels, std::int64_t patch) { return (pixels + patch - 1) / patch * patch; }

void check_patches(const char* method, std::span<const float> features, std::int64_t dimension,
                   const ImagePatches& grid) {
  if (grid.patch < 1 || dimension < 1 || grid.height < 1 || grid.width < 1)
    throw InputError(fmt::format("{}: patch, dimension and image size must be at least 1", method));
  const std::int64_t height = padded_size(grid.height, grid.patch), width = padded_size(grid.width, grid.patch);
  if (grid.rows * grid.patch != height || grid.columns * grid.patch != width)
    throw InputError(fmt::format("{}: {} x {} patches of {} pixels for an image of {} x {}; accepted: {} x {}", method,
                                 grid.rows, grid.columns, grid.patch, grid.height, grid.width, height / grid.patch,
                                 width / grid.patch));
  if (static_cast<std::int64_t>(features.size()) != grid.count() * dimension)
    throw InputError(fmt::format("{}: {} numbers for {} patches of {}; accepted: {}", method, features.size(),
                                 grid.count(), dimension, grid.count() * dimension));
  const auto bad = std::find_if(features.begin(), features.end(), [](float f) { return !std::isfinite(f); });
  if (bad != features.end())
    throw InputError(fmt::format("{}: a feature of patch {} is not finite", method,
                                 (bad - features.begin()) / static_cast<std::ptrdiff_t>(dimension)));
}

std::vector<std::uint8_t> component_of(std::span<const std::uint8_t> marks, std::int64_t columns, std::int64_t start) {
  std::vector<std::uint8_t> with_start(marks.begin(), marks.end());
  with_start.at(static_cast<std::size_t>(start)) = 1;
  const auto rows = static_cast<int>(static_cast<std::int64_t>(marks.size()) / columns);
  std::vector<std::uint8_t> component(marks.size(), 0);
  const std::optional<Component> found = component_at(with_start.data(), static_cast<int>(columns), rows, start);
  if (!found) throw Error("a component without its start");
  for (const std::int64_t patch : found->pixels) component[static_cast<std::size_t>(patch)] = 1;
  return component;
}

PixelBox box_around(std::span<const std::uint8_t> marks, const ImagePatches& grid) {
  std::int64_t left = grid.columns, top = grid.rows, right = 0, bottom = 0;
  for (std::int64_t p = 0; p < grid.count(); ++p) {
    if (!marks[static_cast<std::size_t>(p)]) continue;
    left = std::min(left, p % grid.columns);
    right = std::max(right, p % grid.columns + 1);
    top = std::min(top, p / grid.columns);
    bottom = std::max(bottom, p / grid.columns + 1);
  }
  if (right == 0) throw Error("a box around patches of which none is marked");
  return {left * grid.patch, top * grid.patch, std::min(right * grid.patch, grid.width),
          std::min(bottom * grid.patch, grid.height)};
}

}  // namespace assay
