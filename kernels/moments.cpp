#include "kernels/moments.h"

#include <ATen/Parallel.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/autograd_not_implemented_fallback.h>
#include <torch/library.h>

#include <algorithm>
#include <tuple>
#include <vector>

#include "kernels/moments_math.h"
#ifdef ASSAY_WITH_CUDA
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include "kernels/moments_cuda.h"
#endif

namespace assay {
namespace {

constexpr int64_t panel = 12;     // columns that lie side by side, row after row
constexpr int64_t tile_rows = 4;  // 4 x 12 sums fill the AVX2 registers

/// Sums of left[row][i] * right[row][j] over all rows, for i in [0, 4), j in [0, 12). Both lie in panels, so that a
/// tile reads memory in order.
void outer_tile(const double* left, const double* right, int64_t count, double (&sums)[tile_rows][panel]) {
  using Lanes = double __attribute__((vector_size(32)));
  using Unaligned = double __attribute__((vector_size(32), aligned(8), may_alias));
  Lanes total[tile_rows][panel / 4] = {};
  for (int64_t row = 0; row < count; ++row, left += panel, right += panel) {
    const auto* from = reinterpret_cast<const Unaligned*>(right);
    const Lanes x[panel / 4] = {from[0], from[1], from[2]};
    // Unrolled, or the sums would live in memory.
#pragma GCC unroll 4
    for (int64_t r = 0; r < tile_rows; ++r) {
#pragma GCC unroll 3
      for (int64_t c = 0; c < panel / 4; ++c) total[r][c] += left[r] * x[c];
    }
  }
  __builtin_memcpy(sums, total, sizeof(total));
}

std::tuple<at::Tensor, at::Tensor> moments_cpu(const at::Tensor& rows) {
  const int64_t count = rows.size(0), width = rows.size(1);
  at::Tensor sum = at::zeros({width}, rows.options().dtype(at::kDouble));
  at::Tensor outer = at::zeros({width, width}, rows.options().dtype(at::kDouble));
  const float* x = rows.const_data_ptr<float>();
  double *s = sum.mutable_data_ptr<double>(), *o = outer.mutable_data_ptr<double>();

  // In double, as panels of 12 columns, with zero columns to fill the last one.
  const int64_t panels = (width + panel - 1) / panel;
  std::vector<double> packed(static_cast<size_t>(count * panels * panel), 0.0);
  for (int64_t row = 0; row < count; ++row)
    for (int64_t i = 0; i < width; ++i) s[i] += x[row * width + i];
  for (int64_t p = 0; p < panels; ++p) {
    double* to = packed.data() + p * count * panel;
    const int64_t columns = std::min(panel, width - p * panel);
    for (int64_t row = 0; row < count; ++row, to += panel)
      for (int64_t i = 0; i < columns; ++i) to[i] = x[row * width + p * panel + i];
  }

  // One band is 12 rows of the result, up to its diagonal.
  const int64_t grain = std::max<int64_t>(1, 2'000'000 / std::max<int64_t>(1, count * width * panel));
  at::parallel_for(0, panels, grain, [&](int64_t begin, int64_t end) {
    double sums[tile_rows][panel];
    for (int64_t band = begin; band < end; ++band) {
      for (int64_t other = 0; other <= band; ++other) {
        for (int64_t first = 0; first < panel; first += tile_rows) {
          outer_tile(packed.data() + band * count * panel + first, packed.data() + other * count * panel, count, sums);
          const int64_t i0 = band * panel + first, j0 = other * panel;
          for (int64_t i = i0; i < std::min(i0 + tile_rows, width); ++i)
            for (int64_t j = j0; j < std::min(j0 + panel, i + 1); ++j)
              o[i * width + j] = o[j * width + i] = sums[i - i0][j - j0];
        }
      }
    }
  });
  return {sum, outer};
}

#ifdef ASSAY_WITH_CUDA
std::tuple<at::Tensor, at::Tensor> moments_cuda(const at::Tensor& rows) {
  const c10::cuda::CUDAGuard on_device(rows.device());
  const int64_t width = rows.size(1);
  at::Tensor sum = at::zeros({width}, rows.options().dtype(at::kDouble));
  at::Tensor outer = at::zeros({width, width}, rows.options().dtype(at::kDouble));
  launch_moments(rows.const_data_ptr<float>(), rows.size(0), width, sum.mutable_data_ptr<double>(),
                 outer.mutable_data_ptr<double>(), c10::cuda::getCurrentCUDAStream());
  C10_CUDA_KERNEL_LAUNCH_CHECK();
  return {sum, outer};
}
#endif

}  // namespace

BlockMoments moments(const at::Tensor& rows) {
  TORCH_CHECK(rows.dim() == 2, "moments: needs rows [N, D], got ", rows.sizes());
  TORCH_CHECK(rows.scalar_type() == at::kFloat, "moments: needs float32, got ", rows.scalar_type());
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("assay::moments", "")
                             .typed<std::tuple<at::Tensor, at::Tensor>(const at::Tensor&)>();
  auto [sum, outer] = op.call(rows.contiguous());
  return {sum, outer};
}

TORCH_LIBRARY_FRAGMENT(assay, m) { m.def("moments(Tensor rows) -> (Tensor, Tensor)"); }
TORCH_LIBRARY_IMPL(assay, CPU, m) { m.impl("moments", moments_cpu); }
#ifdef ASSAY_WITH_CUDA
TORCH_LIBRARY_IMPL(assay, CUDA, m) { m.impl("moments", moments_cuda); }
#endif
TORCH_LIBRARY_IMPL(assay, Autograd, m) { m.impl("moments", torch::autograd::autogradNotImplementedFallback()); }

}  // namespace assay
