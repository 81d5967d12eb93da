#include "reproductions/objects/patch_grid.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace assay {
namespace {

/// Writes `label` where patches are joined to `start` by marked ones that have no label yet.
void label_component(std::span<const std::uint8_t> marks, std::int64_t columns, std::int64_t start, std::int64_t label,
                     std::vector<std::int64_t>& labels) {
  const auto n = static_cast<std::int64_t>(marks.size());
  std::vector<std::int64_t> open{start};
  labels[static_cast<std::size_t>(start)] = label;
  const auto visit = [&](bool inside, std::int64_t p) {
    if (!inside || labels[static_cast<std::size_t>(p)] != 0 || !marks[static_cast<std::size_t>(p)]) return;
    labels[static_cast<std::size_t>(p)] = label;
    open.push_back(p);
  };
  while (!open.empty()) {
    const std::int64_t p = open.back(), column = p % columns;
    open.pop_back();
    visit(column > 0, p - 1);
    visit(column + 1 < columns, p + 1);
    visit(p >= columns, p - columns);
    visit(p + columns < n, p + columns);
  }
}

}  // namespace

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
  std::vector<std::int64_t> labels(marks.size(), 0);
  label_component(marks, columns, start, 1, labels);
  return {labels.begin(), labels.end()};
}

std::vector<std::int64_t> components_of(std::span<const std::uint8_t> marks, std::int64_t columns) {
  std::vector<std::int64_t> labels(marks.size(), 0);
  std::int64_t label = 0;
  for (std::size_t p = 0; p < marks.size(); ++p)
    if (marks[p] && labels[p] == 0) label_component(marks, columns, static_cast<std::int64_t>(p), ++label, labels);
  return labels;
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
