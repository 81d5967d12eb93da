#include "kernels/inference/gated_gelu.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/error.h"
#include "kernels/inference/lanes.h"
#include "kernels/inference/large_block.h"
#include "kernels/inference/normal_lanes.h"
#include "kernels/parallel_for.h"

namespace assay {
namespace {

constexpr std::int64_t rows_at_once = 16;

[[gnu::always_inline]] inline Lanes gelu(const Lanes& x) {
  NormalLanes normal;
  set_normal(x, normal);
  return x * normal.share;
}

}  // namespace

at::Tensor gated_gelu(const at::Tensor& both) {
  if (!both.device().is_cpu() || both.scalar_type() != at::kFloat || both.dim() == 0 || both.size(-1) % 2 != 0)
    throw Error("gated_gelu: rows must have an even length, float32 on the CPU");
  const std::int64_t width = both.size(-1) / 2, rows = width > 0 ? both.numel() / (2 * width) : 0;
  std::vector<std::int64_t> sizes = both.sizes().vec();
  sizes.back() = width;
  at::Tensor result = large_block(sizes);
  const at::Tensor whole = both.contiguous();
  const float* from = whole.const_data_ptr<float>();
  float* to = result.mutable_data_ptr<float>();
  at::parallel_for(0, rows, rows_at_once, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      const float *values = from + row * 2 * width, *gates = values + width;
      float* out = to + row * width;
      std::int64_t i = 0;
      for (; i + lane_count <= width; i += lane_count)
        put_lanes(out + i, lanes_at(values + i) * gelu(lanes_at(gates + i)));
      if (i == width) continue;
      float last[2][lane_count] = {};
      std::copy(values + i, values + width, last[0]);
      std::copy(gates + i, gates + width, last[1]);
      const Lanes value = lanes_at(last[0]) * gelu(lanes_at(last[1]));
      for (std::int64_t lane = 0; lane < width - i; ++lane) out[i + lane] = value[lane];
    }
  });
  return result;
}

}  // namespace assay
