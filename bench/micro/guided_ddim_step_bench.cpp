#include <ATen/ops/clamp.h>
#include <benchmark/benchmark.h>

#include <cmath>

#include "bench/micro/micro_bench.h"
#include "kernels/guided_ddim_step.h"

namespace assay {
namespace {

at::Tensor in_eager_operators(const at::Tensor& x, const at::Tensor& u, const at::Tensor& c, double w,
                              const DdimCoefficients& s) {
  const at::Tensor eps = u.mul(1.0 - w).add(c, w);
  const at::Tensor x0 = x.sub(eps, std::sqrt(1.0 - s.alpha_bar)).div(std::sqrt(s.alpha_bar)).clamp(-1.0, 1.0);
  return x0.mul(std::sqrt(s.alpha_bar_prev)).add(eps, std::sqrt(1.0 - s.alpha_bar_prev));
}

const bool registered = [] {
  const DdimCoefficients step{.alpha_bar = 0.4, .alpha_bar_prev = 0.5};
  struct Shape {
    const char* name;
    std::vector<std::int64_t> sizes;
  };
  for (const at::DeviceType device : micro::devices()) {
    for (const Shape& shape : {Shape{"64x3x16x16", {64, 3, 16, 16}}, Shape{"64x3x64x64", {64, 3, 64, 64}}}) {
      const auto x = micro::normal(shape.sizes, device, 1), u = micro::normal(shape.sizes, device, 2);
      const auto c = micro::normal(shape.sizes, device, 3);
      const auto n = static_cast<double>(x.numel());
      const micro::Work work{.bytes = 16 * n, .flops = 8 * n, .items = n};
      micro::add("guided_ddim_step", "fused", shape.name, "f32", device, work,
                 [=] { benchmark::DoNotOptimize(guided_ddim_step(x, u, c, 2.0, step)); });
      micro::add("guided_ddim_step", "eager", shape.name, "f32", device, work,
                 [=] { benchmark::DoNotOptimize(in_eager_operators(x, u, c, 2.0, step)); });
    }
  }
  return true;
}();

}  // namespace
}  // namespace assay
