#include <ATen/ops/cdist.h>
#include <ATen/ops/topk.h>
#include <benchmark/benchmark.h>

#include <tuple>

#include "bench/micro/micro_bench.h"
#include "kernels/smallest_distances.h"

namespace assay {
namespace {

void blocked(const at::Tensor& q, const at::Tensor& r, std::int64_t k) {
  benchmark::DoNotOptimize(smallest_distances(q, r, k).indices);
}

void eager(const at::Tensor& q, const at::Tensor& r, std::int64_t k) {
  benchmark::DoNotOptimize(std::get<1>(at::topk(at::cdist(q, r), k, 1, /*largest=*/false)));
}

void add(const char* shape, std::int64_t queries, std::int64_t references, std::int64_t width, std::int64_t k,
         at::DeviceType device) {
  const auto n = static_cast<double>(queries), m = static_cast<double>(references), d = static_cast<double>(width);
  const micro::Work work{
      .bytes = 4 * (n + m) * d + 16 * n * static_cast<double>(k), .flops = 2 * n * m * d, .items = n};
  for (const auto& [variant, run] : {std::pair{"blocked", &blocked}, std::pair{"eager", &eager}}) {
    micro::add("smallest_distances", variant, shape, "f32", device, work, [=, run = run] {
      const auto q = micro::normal({queries, width}, device, 1), r = micro::normal({references, width}, device, 2);
      return [=] { run(q, r, k); };
    });
  }
}

const bool registered = [] {
  for (const at::DeviceType device : micro::devices()) {
    add("20000x100x384:1", 20000, 100, 384, 1, device);
    add("2000x2000x64:6", 2000, 2000, 64, 6, device);
  }
  return true;
}();

}  // namespace
}  // namespace assay
