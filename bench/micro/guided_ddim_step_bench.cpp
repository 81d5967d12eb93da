#include <ATen/ops/clamp.h>
#include <benchmark/benchmark.h>

#include <cmath>

#include "bench/micro/micro_bench.h"
#include "kernels/guided_ddim_step.h"

namespace assay {
namespace {

constexpr DdimCoefficients step{.alpha_bar = 0.4, .alpha_bar_prev = 0.5};

at::Tensor fused(const at::Tensor& x, const at::Tensor& u, const at::Tensor& c) {
  return guided_ddim_step(x, u, c, 2.0, step);
}

at::Tensor eager(const at::Tensor& x, const at::Tensor& u, const at::Tensor& c) {
  const at::Tensor eps = u.mul(1.0 - 2.0).add(c, 2.0);
  const at::Tensor x0 = x.sub(eps, std::sqrt(1.0 - step.alpha_bar)).div(std::sqrt(step.alpha_bar)).clamp(-1.0, 1.0);
  return x0.mul(std::sqrt(step.alpha_bar_prev)).add(eps, std::sqrt(1.0 - step.alpha_bar_prev));
}

void add(const char* shape, std::vector<std::int64_t> sizes, at::DeviceType device) {
  double n = 1;
  for (const std::int64_t size : sizes) n *= static_cast<double>(size);
  const micro::Work work{.bytes = 16 * n, .flops = 8 * n, .items = n};
  for (const auto& [variant, run] : {std::pair{"fused", &fused}, std::pair{"eager", &eager}}) {
    micro::add("guided_ddim_step", variant, shape, "f32", device, work, [=, run = run] {
      const auto x = micro::normal(sizes, device, 1), u = micro::normal(sizes, device, 2);
      const auto c = micro::normal(sizes, device, 3);
      return [=] { benchmark::DoNotOptimize(run(x, u, c)); };
    });
  }
}

const bool registered = [] {
  for (const at::DeviceType device : micro::devices()) {
    add("64x3x16x16", {64, 3, 16, 16}, device);
    add("64x3x64x64", {64, 3, 64, 64}, device);
  }
  return true;
}();

}  // namespace
}  // namespace assay
