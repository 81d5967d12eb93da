#include <benchmark/benchmark.h>

#include <algorithm>
#include <string>
#include <vector>

#include "bench/micro/micro_bench.h"
#include "metrics/generative/kid.h"
#include "metrics/generative/prdc.h"

namespace assay {
namespace {

constexpr std::int64_t width = 2048;

std::vector<float> features(std::int64_t n, std::uint64_t seed) {
  const at::Tensor x = micro::normal({n, width}, at::DeviceType::CPU, seed);
  return {x.const_data_ptr<float>(), x.const_data_ptr<float>() + x.numel()};
}

/// Operations of the matrix products alone.
micro::Work products(double pairs, double rows) {
  return {.bytes = 4.0 * rows * width, .flops = 2.0 * pairs * width, .items = rows};
}

void add(std::int64_t n) {
  const auto rows = static_cast<double>(n);
  const std::string shape = std::to_string(n) + " + " + std::to_string(n) + ", 2048";
  for (const std::int64_t replicates : {0, 200}) {
    const char* variant = replicates > 0 ? "with interval" : "value";
    micro::add("prdc5", variant, shape, "f32", at::DeviceType::CPU, products(2.0 * rows * rows, 2.0 * rows), [=] {
      const auto g = features(n, 1), r = features(n, 2);
      return [=] { benchmark::DoNotOptimize(prdc({g, width}, {r, width}, {.replicates = replicates}).recall); };
    });
    micro::add("kid-seed2020", variant, shape, "f32", at::DeviceType::CPU,
               products(std::min(2.0 * rows * rows, 2e8), 2.0 * rows), [=] {
                 const auto g = features(n, 1), r = features(n, 2);
                 return [=] { benchmark::DoNotOptimize(kid({g, width}, {r, width}, {.replicates = replicates}).mean); };
               });
  }
}

const bool registered = [] {
  add(2000);
  add(5000);
  return true;
}();

}  // namespace
}  // namespace assay
