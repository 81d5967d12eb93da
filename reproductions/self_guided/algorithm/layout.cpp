#include "reproductions/self_guided/algorithm/layout.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/index_select.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace assay::self_guided {
namespace {

at::Tensor sources(double begin, double end, std::int64_t count, std::int64_t size, at::Device device) {
  at::Tensor index = at::empty({count}, at::kLong);
  for (std::int64_t i = 0; i < count; ++i) {
    const double place = begin + (static_cast<double>(i) + 0.5) * (end - begin) / static_cast<double>(count);
    index.mutable_data_ptr<std::int64_t>()[i] =
        std::clamp<std::int64_t>(static_cast<std::int64_t>(std::floor(place)), 0, size - 1);
  }
  return index.to(device);
}

}  // namespace

at::Tensor crop_nearest(const at::Tensor& maps, const Crop& crop, std::int64_t height, std::int64_t width) {
  const std::int64_t rows = maps.size(-2), columns = maps.size(-1);
  const bool inside = crop.left >= 0 && crop.top >= 0 && crop.right <= static_cast<double>(columns) &&
                      crop.bottom <= static_cast<double>(rows) && crop.left < crop.right && crop.top < crop.bottom;
  if (!inside || height < 1 || width < 1)
    throw InputError(fmt::format("layout: crop {} {} {} {} to {} x {} of a map of {} x {}; accepted: a part of the map",
                                 crop.left, crop.top, crop.right, crop.bottom, height, width, rows, columns));
  const at::Tensor taken = at::index_select(maps, -2, sources(crop.top, crop.bottom, height, rows, maps.device()));
  return at::index_select(taken, -1, sources(crop.left, crop.right, width, columns, maps.device()));
}

}  // namespace assay::self_guided
