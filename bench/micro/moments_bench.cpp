#include <ATen/ops/mm.h>
#include <benchmark/benchmark.h>

#include "bench/micro/micro_bench.h"
#include "kernels/moments.h"

namespace assay {
namespace {

void ordered(const at::Tensor& x) { benchmark::DoNotOptimize(moments(x).outer); }

void eager(const at::Tensor& x) {
  const at::Tensor rows = x.to(at::kDouble);
  benchmark::DoNotOptimize(at::mm(rows.t(), rows));
  benchmark::DoNotOptimize(rows.sum(0));
}

void add(const char* shape, std::int64_t rows, std::int64_t width, at::DeviceType device) {
  const auto n = static_cast<double>(rows), d = static_cast<double>(width);
  const micro::Work work{.bytes = 4 * n * d + 8 * d * d, .flops = n * d * (d + 1), .items = n};
  for (const auto& [variant, run] : {std::pair{"ordered", &ordered}, std::pair{"eager", &eager}}) {
    micro::add("moments", variant, shape, "f32", device, work, [=, run = run] {
      const auto x = micro::normal({rows, width}, device, 1);
      return [=] { run(x); };
    });
  }
}

const bool registered = [] {
  for (const at::DeviceType device : micro::devices()) {
    add("256x64", 256, 64, device);
    add("256x2048", 256, 2048, device);
  }
  return true;
}();

}  // namespace
}  // namespace assay
