#include <ATen/ops/cdist.h>
#include <ATen/ops/topk.h>
#include <benchmark/benchmark.h>

#include "bench/micro/micro_bench.h"
#include "kernels/smallest_distances.h"

namespace assay {
namespace {

const bool registered = [] {
  struct Shape {
    const char* name;
    std::int64_t queries, references, width, k;
  };
  for (const at::DeviceType device : micro::devices()) {
    for (const Shape& s :
         {Shape{"20000x100x384,k=1", 20000, 100, 384, 1}, Shape{"2000x2000x64,k=6", 2000, 2000, 64, 6}}) {
      const auto q = micro::normal({s.queries, s.width}, device, 1),
                 r = micro::normal({s.references, s.width}, device, 2);
      const auto n = static_cast<double>(s.queries), m = static_cast<double>(s.references),
                 d = static_cast<double>(s.width);
      const micro::Work work{
          .bytes = 4 * (n + m) * d + 16 * n * static_cast<double>(s.k), .flops = 2 * n * m * d, .items = n};
      micro::add("smallest_distances", "blocked", s.name, "f32", device, work,
                 [=] { benchmark::DoNotOptimize(smallest_distances(q, r, s.k).indices); });
      micro::add("smallest_distances", "eager", s.name, "f32", device, work,
                 [=] { benchmark::DoNotOptimize(std::get<1>(at::topk(at::cdist(q, r), s.k, 1, /*largest=*/false))); });
    }
  }
  return true;
}();

}  // namespace
}  // namespace assay
