#include "reproductions/objects/lost.h"

#include <fmt/format.h>

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.h"

namespace assay {

LostBox lost(std::span<const float> features, std::int64_t rows, std::int64_t columns, std::int64_t dimension,
             std::int64_t height, std::int64_t width, const LostOptions& options) {
  const ImagePatches grid{rows, columns, options.patch, height, width};
  check_patches("LOST", features, dimension, grid);
  if (options.candidates < 1) throw InputError("LOST: candidates must be at least 1");

  const std::int64_t n = grid.count();
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
  std::vector<std::uint8_t> positive(map.size());
  std::transform(map.begin(), map.end(), positive.begin(), [](double m) { return m > 0 ? 1 : 0; });
  found.component = component_of(positive, columns, found.seed);
  found.box = box_around(found.component, grid);
  return found;
}

}  // namespace assay
