#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "bench/micro/micro_bench.h"
#include "kernels/visible_patches.h"

namespace assay {
namespace {

/// The same by LibTorch: all patches, then the visible ones.
at::Tensor eager(const at::Tensor& x, const at::Tensor& visible, std::int64_t p) {
  const std::int64_t rows = x.size(2) / p, columns = x.size(3) / p, values = x.size(1) * p * p;
  const at::Tensor all = x.view({x.size(0), x.size(1), rows, p, columns, p})
                             .permute({0, 2, 4, 3, 5, 1})
                             .reshape({x.size(0), rows * columns, values});
  return all.gather(1, visible.unsqueeze(2).expand({visible.size(0), visible.size(1), values}));
}

void add(std::int64_t batch, std::int64_t side, std::int64_t shown, at::DeviceType device) {
  constexpr std::int64_t patch = 4, channels = 3;
  const auto values = static_cast<double>(batch * shown * channels * patch * patch);
  const micro::Work work{.bytes = 8 * values, .flops = 0, .items = static_cast<double>(batch * shown)};
  const std::string shape = fmt::format("{}x3x{}x{}v{}", batch, side, side, shown);
  const auto inputs = [=] {
    // 5 is coprime to the number of patches, so no image shows one twice.
    const std::int64_t patches = side / patch * (side / patch);
    return std::pair{micro::normal({batch, channels, side, side}, device, 1),
                     (at::arange(batch * shown, at::kLong) * 5 % patches).view({batch, shown}).to(device)};
  };
  micro::add("gather_patches", "fused", shape, "f32", device, work,
             [=] { return [in = inputs()] { gather_patches(in.first, in.second, patch, PatchOrder::channel_last); }; });
  micro::add("gather_patches", "eager", shape, "f32", device, work,
             [=] { return [in = inputs()] { eager(in.first, in.second, patch); }; });
}

const bool registered = [] {
  for (const at::DeviceType device : micro::devices())
    for (const std::int64_t shown : {26, 128, 256}) add(64, 64, shown, device);
  return true;
}();

}  // namespace
}  // namespace assay
