#include "reproductions/self_guided/algorithm/lost.h"

#include <fmt/format.h>

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.h"

namespace assay::self_guided {
namespace {

/// Marks the 4-connected component of `start` in the map of positive values.
std::vector<std::uint8_t> component_of(const std::vector<double>& map, std::int64_t columns, std::int64_t start) {
  const auto n = static_cast<std::int64_t>(map.size());
  std::vector<std::uint8_t> mark(map.size(), 0);
  std::vector<std::int64_t> open{start};
  mark[static_cast<std::size_t>(start)] = 1;
  const auto visit = [&](bool inside, std::int64_t p) {
    if (!inside || mark[static_cast<std::size_t>(p)] || !(map[static_cast<std::size_t>(p)] > 0)) return;
    mark[static_cast<std::size_t>(p)] = 1;
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
  return mark;
}

}  // namespace

std::int64_t padded_size(std::int64_t pixels, std::int64_t patch) { return (pixels + patch - 1) / patch * patch; }

LostBox lost(std::span<const float> features, std::int64_t rows, std::int64_t columns, std::int64_t dimension,
             std::int64_t height, std::int64_t width, const LostOptions& options) {
  if (options.patch < 1 || options.candidates < 1 || dimension < 1 || height < 1 || width < 1)
    throw InputError("LOST: patch, candidates, dimension and image size must be at least 1");
  if (rows * options.patch != padded_size(height, options.patch) ||
      columns * options.patch != padded_size(width, options.patch))
    throw InputError(fmt::format("LOST: {} x {} patches of {} pixels for an image of {} x {}; accepted: {} x {}", rows,
                                 columns, options.patch, height, width,
                                 padded_size(height, options.patch) / options.patch,
                                 padded_size(width, options.patch) / options.patch));
  const std::int64_t n = rows * columns;
  if (static_cast<std::int64_t>(features.size()) != n * dimension)
    throw InputError(fmt::format("LOST: {} numbers for {} patches of {}; accepted: {}", features.size(), n, dimension,
                                 n * dimension));
  const auto bad = std::find_if(features.begin(), features.end(), [](float f) { return !std::isfinite(f); });
  if (bad != features.end())
    throw InputError(fmt::format("LOST: a feature of patch {} is not finite",
                                 (bad - features.begin()) / static_cast<std::ptrdiff_t>(dimension)));

  using Rows = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const Rows f = Eigen::Map<const Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>(
                     features.data(), n, dimension)
                     .cast<double>();
  const Rows similarity = f * f.transpose();
  const auto at = [](auto& values, std::int64_t i) -> auto& { return values[static_cast<std::size_t>(i)]; };

  LostBox found;
  found.degree.assign(static_cast<std::size_t>(n), 0);
  for (std::int64_t p = 0; p < n; ++p)
    for (std::int64_t q = p + 1; q < n; ++q)
      if (similarity(p, q) > 0) {
        ++at(found.degree, p);
        ++at(found.degree, q);
      }

  std::vector<std::int64_t> rank(static_cast<std::size_t>(n));
  std::iota(rank.begin(), rank.end(), 0);
  std::stable_sort(rank.begin(), rank.end(),
                   [&](std::int64_t p, std::int64_t q) { return at(found.degree, p) < at(found.degree, q); });
  found.seed = rank.front();
  rank.resize(static_cast<std::size_t>(std::min(n, options.candidates)));
  std::copy_if(rank.begin(), rank.end(), std::back_inserter(found.similar),
               [&](std::int64_t s) { return similarity(found.seed, s) > 0; });

  std::vector<double> map(static_cast<std::size_t>(n), 0.0);
  for (const std::int64_t s : found.similar)
    for (std::int64_t q = 0; q < n; ++q) at(map, q) += similarity(s, q);
  found.component = component_of(map, columns, found.seed);

  std::int64_t left = columns, top = rows, right = 0, bottom = 0;
  for (std::int64_t p = 0; p < n; ++p) {
    if (!at(found.component, p)) continue;
    left = std::min(left, p % columns);
    right = std::max(right, p % columns + 1);
    top = std::min(top, p / columns);
    bottom = std::max(bottom, p / columns + 1);
  }
  found.box = {left * options.patch, top * options.patch, std::min(right * options.patch, width),
               std::min(bottom * options.patch, height)};
  return found;
}

}  // namespace assay::self_guided
