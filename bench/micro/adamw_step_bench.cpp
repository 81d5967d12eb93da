#include <ATen/ops/zeros_like.h>
#include <benchmark/benchmark.h>

#include <cmath>

#include "bench/micro/micro_bench.h"
#include "kernels/adamw_step.h"

namespace assay {
namespace {

const AdamWStep step{.learning_rate = 1e-6, .step = 10, .ema_decay = 0.999};

void fused(const at::Tensor& p, const at::Tensor& g, const at::Tensor& m, const at::Tensor& v, const at::Tensor& ema) {
  adamw_step(p, g, m, v, ema, step);
}

void eager(const at::Tensor& p, const at::Tensor& g, const at::Tensor& m, const at::Tensor& v, const at::Tensor& ema) {
  const auto t = static_cast<double>(step.step);
  p.mul_(1.0 - step.learning_rate * step.weight_decay);
  m.lerp_(g, 1.0 - step.beta1);
  v.mul_(step.beta2).addcmul_(g, g, 1.0 - step.beta2);
  const at::Tensor denominator = v.sqrt().div_(std::sqrt(1.0 - std::pow(step.beta2, t))).add_(step.epsilon);
  p.addcdiv_(m, denominator, -step.learning_rate / (1.0 - std::pow(step.beta1, t)));
  ema.lerp_(p, 1.0 - step.ema_decay);
}

void add(std::int64_t size, at::DeviceType device) {
  const auto n = static_cast<double>(size);
  const micro::Work work{.bytes = 36 * n, .flops = 16 * n, .items = n};  // five arrays read, four written
  for (const auto& [variant, run] : {std::pair{"fused", &fused}, std::pair{"eager", &eager}}) {
    micro::add("adamw_step", variant, std::to_string(size), "f32", device, work, [=, run = run] {
      const auto p = micro::normal({size}, device, 1), g = micro::normal({size}, device, 2);
      const auto m = at::zeros_like(p), v = at::zeros_like(p), ema = p.clone();
      return [=] { run(p, g, m, v, ema); };
    });
  }
}

const bool registered = [] {
  for (const at::DeviceType device : micro::devices()) {
    add(550000, device);
    add(8000000, device);
  }
  return true;
}();

}  // namespace
}  // namespace assay
