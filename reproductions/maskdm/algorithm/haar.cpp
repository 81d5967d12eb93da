#include "reproductions/maskdm/algorithm/haar.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/stack.h>
#include <fmt/format.h>

#include "core/error.h"

namespace assay::maskdm {

at::Tensor network_input(const MaskUVitConfig& config, const at::Tensor& images) {
  const std::int64_t side = config.image_side(), channels = config.image_chans();
  if (images.dim() != 4 || images.size(1) != channels || images.size(2) != side || images.size(3) != side)
    throw InputError(fmt::format("training images must be {} x {} pixels with {} channels, as the network takes them",
                                 side, side, channels));
  if (config.data_chans == 0) return images;
  const std::int64_t half = side / 2;
  const at::Tensor pixels = ((images + 1) / 2).view({images.size(0), channels, half, 2, half, 2});
  const auto corner = [&](std::int64_t y, std::int64_t x) { return pixels.select(5, x).select(3, y); };
  const at::Tensor a = corner(0, 0), b = corner(0, 1), c = corner(1, 0), d = corner(1, 1);
  return at::cat({a + b + c + d - 1, (a + b - c - d) / 2, (a - b + c - d) / 2, (a - b - c + d) / 2}, 1);
}

at::Tensor image_of_input(const MaskUVitConfig& config, const at::Tensor& x) {
  if (config.data_chans == 0) return (x + 1) / 2;
  const std::int64_t channels = config.data_chans, half = config.img_size;
  const auto band = [&](std::int64_t k) { return x.narrow(1, k * channels, channels); };
  const at::Tensor mean = (band(0) + 1) / 2, h = band(1), v = band(2), d = band(3);
  const at::Tensor top = at::stack({mean + h + v + d, mean + h - v - d}, 4);
  const at::Tensor bottom = at::stack({mean - h + v - d, mean - h - v + d}, 4);
  // [B, C, half, 2 rows, half, 2 columns]
  return (at::stack({top, bottom}, 3) / 2).reshape({x.size(0), channels, 2 * half, 2 * half});
}

at::Tensor clip_input(const MaskUVitConfig& config, const at::Tensor& x) {
  if (config.data_chans == 0) return x.clamp(-1, 1);
  const std::int64_t channels = config.data_chans;
  return at::cat({x.narrow(1, 0, channels).clamp(-1, 3), x.narrow(1, channels, 3 * channels).clamp(-1, 1)}, 1);
}

}  // namespace assay::maskdm
