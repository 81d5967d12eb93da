#include "metrics/features/augment.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/affine_grid_generator.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/grid_sampler.h>

#include <array>
#include <cmath>
#include <utility>

#include "core/philox.h"

namespace assay {

at::Tensor augment(const at::Tensor& images, const Augmentation& ranges, std::uint64_t seed, std::uint64_t first_item) {
  const std::int64_t batch = images.size(0);
  const at::Tensor theta = at::empty({batch, 2, 3}, at::kFloat);
  const at::Tensor mix = at::empty({batch, 3, 3}, at::kFloat), offset = at::empty({batch, 3, 1}, at::kFloat);
  for (std::int64_t i = 0; i < batch; ++i) {
    RandomStream random(seed, Purpose::augment, first_item + static_cast<std::uint64_t>(i));
    const auto symmetric = [&](double range) { return (2 * random.uniform() - 1) * range; };

    // In grid coordinates the image spans [-1, 1]: a crop of side s may be centred anywhere in [s - 1, 1 - s].
    const double side = ranges.smallest_crop + (ranges.largest_crop - ranges.smallest_crop) * random.uniform();
    const double x = symmetric(1 - side) + symmetric(2 * ranges.shift),
                 y = symmetric(1 - side) + symmetric(2 * ranges.shift);
    const bool mirrored = random.uniform() < 0.5 && ranges.flip;
    const std::array<double, 6> affine = {mirrored ? -side : side, 0, x, 0, side, y};
    for (std::size_t k = 0; k < 6; ++k)
      theta.mutable_data_ptr<float>()[i * 6 + static_cast<std::int64_t>(k)] = static_cast<float>(affine[k]);

    const double brightness = symmetric(ranges.brightness), contrast = std::exp(symmetric(ranges.contrast));
    std::array<std::size_t, 3> order = {0, 1, 2};
    if (random.uniform() < ranges.channel_shuffle)
      for (std::size_t k = 3; k > 1; --k) std::swap(order[k - 1], order[random.below(k)]);
    const bool grey = random.uniform() < ranges.grey;
    for (std::size_t c = 0; c < 3; ++c) {
      const double gain = contrast * std::exp(symmetric(ranges.colour));
      const double shift = symmetric(ranges.colour) / 2 + brightness;
      for (std::size_t k = 0; k < 3; ++k)
        mix.mutable_data_ptr<float>()[i * 9 + static_cast<std::int64_t>(3 * c + k)] =
            static_cast<float>(grey ? contrast / 3 : (order[c] == k ? gain : 0.0));
      offset.mutable_data_ptr<float>()[i * 3 + static_cast<std::int64_t>(c)] =
          static_cast<float>(grey ? brightness : shift);
    }
  }
  const at::Device device = images.device();
  const at::Tensor grid = at::affine_grid_generator(theta.to(device), images.sizes(), false);
  constexpr std::int64_t bilinear = 0, repeat_border = 1;
  const at::Tensor moved = at::grid_sampler(images, grid, bilinear, repeat_border, false);
  const at::Tensor mixed = at::bmm(mix.to(device), moved.flatten(2)) + offset.to(device);
  return mixed.clamp(-1, 1).view(images.sizes());
}

}  // namespace assay
