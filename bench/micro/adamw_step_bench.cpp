#include <ATen/ops/zeros_like.h>
#include <benchmark/benchmark.h>

#include <cmath>

#include "bench/micro/micro_bench.h"
#include "kernels/adamw_step.h"

namespace assay {
namespace {

void in_eager_operators(const at::Tensor& p, const at::Tensor& g, const at::Tensor& m, const at::Tensor& v,
                        const at::Tensor& ema, const AdamWStep& s) {
  const auto t = static_cast<double>(s.step);
  p.mul_(1.0 - s.learning_rate * s.weight_decay);
  m.lerp_(g, 1.0 - s.beta1);
  v.mul_(s.beta2).addcmul_(g, g, 1.0 - s.beta2);
  const at::Tensor denominator = v.sqrt().div_(std::sqrt(1.0 - std::pow(s.beta2, t))).add_(s.epsilon);
  p.addcdiv_(m, denominator, -s.learning_rate / (1.0 - std::pow(s.beta1, t)));
  ema.lerp_(p, 1.0 - s.ema_decay);
}

const bool registered = [] {
  const AdamWStep step{.learning_rate = 1e-6, .step = 10, .ema_decay = 0.999};
  struct Shape {
    const char* name;
    std::int64_t size;
  };
  for (const at::DeviceType device : micro::devices()) {
    for (const Shape& shape : {Shape{"550000", 550000}, Shape{"8000000", 8000000}}) {
      const auto p = micro::normal({shape.size}, device, 1), g = micro::normal({shape.size}, device, 2);
      const auto m = at::zeros_like(p), v = at::zeros_like(p), ema = p.clone();
      const auto n = static_cast<double>(shape.size);
      const micro::Work work{.bytes = 36 * n, .flops = 16 * n, .items = n};  // five arrays read, four written
      micro::add("adamw_step", "fused", shape.name, "f32", device, work, [=] { adamw_step(p, g, m, v, ema, step); });
      micro::add("adamw_step", "eager", shape.name, "f32", device, work,
                 [=] { in_eager_operators(p, g, m, v, ema, step); });
    }
  }
  return true;
}();

}  // namespace
}  // namespace assay
