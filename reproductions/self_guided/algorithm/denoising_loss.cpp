#include "reproductions/self_guided/algorithm/denoising_loss.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/full.h>

#include <algorithm>
#include <cmath>

#include "core/philox.h"
#include "kernels/one_thread_each.h"

namespace assay::self_guided {

std::vector<double> denoising_loss(const Denoiser& denoiser, const NoiseSchedule& schedule, const at::Tensor& images,
                                   const Condition& condition, std::int64_t timesteps, std::uint64_t seed) {
  constexpr std::int64_t batch = 64;  // of one thread, so that the number of threads changes no bit
  // Counters of the sampler's own noise lie below 2^32 for its first step and are spaced by 2^32 after it.
  constexpr std::uint64_t first_stream = std::uint64_t{1} << 62;
  const at::NoGradGuard no_grad;
  const std::int64_t n = images.size(0), values = images.numel() / n;
  std::vector<double> loss(static_cast<std::size_t>(n), 0.0);
  one_thread_each(images.device(), (n + batch - 1) / batch, [&](std::int64_t part) {
    const std::int64_t begin = part * batch, size = std::min(batch, n - begin);
    const at::Tensor x0 = images.narrow(0, begin, size);
    const Condition c = condition.rows(begin, size);
    for (std::int64_t j = 0; j < timesteps; ++j) {
      const std::int64_t t = (2 * j + 1) * schedule.steps() / (2 * timesteps);
      at::Tensor noise = at::empty_like(x0, at::TensorOptions(at::kCPU));
      for (std::int64_t i = 0; i < size; ++i) {
        RandomStream random(seed, Purpose::noise,
                            first_stream + static_cast<std::uint64_t>((begin + i) * timesteps + j));
        random.fill_normal({noise.mutable_data_ptr<float>() + i * values, static_cast<std::size_t>(values)});
      }
      noise = noise.to(x0.device());
      const double alpha_bar = schedule.alpha_bar[static_cast<std::size_t>(t)];
      const at::Tensor x = x0 * std::sqrt(alpha_bar) + noise * std::sqrt(1 - alpha_bar);
      const at::Tensor steps = at::full({size}, t, at::TensorOptions(at::kLong).device(x0.device()));
      const at::Tensor error =
          (denoiser.predict(x, steps, c) - noise).pow(2).flatten(1).mean(1).to(at::kCPU, at::kDouble);
      for (std::int64_t i = 0; i < size; ++i)
        loss[static_cast<std::size_t>(begin + i)] += error.const_data_ptr<double>()[i] / static_cast<double>(timesteps);
    }
  });
  return loss;
}

}  // namespace assay::self_guided
