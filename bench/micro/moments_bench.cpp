#include <ATen/ops/mm.h>
#include <benchmark/benchmark.h>

#include "bench/micro/micro_bench.h"
#include "kernels/moments.h"

namespace assay {
namespace {

const bool registered = [] {
  struct Shape {
    const char* name;
    std::int64_t rows, width;
  };
  for (const at::DeviceType device : micro::devices()) {
    for (const Shape& shape : {Shape{"256x64", 256, 64}, Shape{"256x2048", 256, 2048}}) {
      const auto x = micro::normal({shape.rows, shape.width}, device, 1);
      const auto n = static_cast<double>(shape.rows), d = static_cast<double>(shape.width);
      const micro::Work work{.bytes = 4 * n * d + 8 * d * d, .flops = n * d * (d + 1), .items = n};
      micro::add("moments", "block", shape.name, "f32", device, work,
                 [=] { benchmark::DoNotOptimize(moments(x).outer); });
      micro::add("moments", "eager", shape.name, "f32", device, work, [=] {
        const at::Tensor rows = x.to(at::kDouble);
        benchmark::DoNotOptimize(at::mm(rows.t(), rows));
        benchmark::DoNotOptimize(rows.sum(0));
      });
    }
  }
  return true;
}();

}  // namespace
}  // namespace assay
