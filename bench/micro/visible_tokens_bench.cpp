#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "bench/micro/micro_bench.h"
#include "kernels/visible_tokens.h"

namespace assay {
namespace {

struct Inputs {
  at::Tensor first, patches, positions, visible, gradient;
};

at::Tensor eager(const Inputs& in) {
  const std::int64_t before = in.first.size(1);
  const at::Tensor places = in.positions.narrow(0, before, in.positions.size(0) - before);
  return at::cat({in.first + in.positions.narrow(0, 0, before),
                  in.patches + places.index_select(0, in.visible.flatten()).view(in.patches.sizes())},
                 1);
}

at::Tensor fused(const Inputs& in) { return visible_tokens(in.first, in.patches, in.positions, in.visible); }

/// Forward and the gradient by the positions, as a training step needs them.
void step(const Inputs& in, at::Tensor (*tokens)(const Inputs&)) {
  in.positions.mutable_grad() = at::Tensor();
  tokens(in).backward(in.gradient);
}

void add(std::int64_t batch, std::int64_t patches, std::int64_t shown, std::int64_t width, at::DeviceType device) {
  const auto tokens = static_cast<double>(batch * (shown + 1) * width),
             table = static_cast<double>((patches + 1) * width);
  // Tokens are read and written forward, their gradient is read backward; the table is read, its gradient written.
  const micro::Work work{.bytes = 4 * (3 * tokens + 2 * table), .flops = 2 * tokens, .items = tokens};
  const std::string shape = fmt::format("{}x{}v{}x{}", batch, patches, shown, width);
  const auto inputs = [=] {
    Inputs in{micro::normal({batch, 1, width}, device, 1), micro::normal({batch, shown, width}, device, 2),
              micro::normal({patches + 1, width}, device, 3),
              (at::arange(batch * shown, at::kLong) * 5 % patches).view({batch, shown}).to(device),
              micro::normal({batch, shown + 1, width}, device, 4)};
    in.positions.set_requires_grad(true);
    return in;
  };
  micro::add("visible_tokens", "fused", shape, "f32", device, work,
             [=] { return [in = inputs()] { step(in, &fused); }; });
  micro::add("visible_tokens", "eager", shape, "f32", device, work,
             [=] { return [in = inputs()] { step(in, &eager); }; });
}

const bool registered = [] {
  for (const at::DeviceType device : micro::devices())
    for (const std::int64_t shown : {26, 128, 256}) add(64, 256, shown, 512, device);
  return true;
}();

}  // namespace
}  // namespace assay
