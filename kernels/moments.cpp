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

constexpr int64_t tile_rows = 4, tile_columns = 12;  // 12 accumulators of 4 doubles fill the AVX2 registers

/// outer[i][j] for i in [i0, i0 + 4), j in [j0, j0 + 12), over all rows of the padded double copy.
void outer_tile(const double* padded, int64_t count, int64_t stride, int64_t i0, int64_t j0,
                double (&sums)[tile_rows][tile_columns]) {
  using Lanes = double __attribute__((vector_size(32)));
  Lanes total[tile_rows][tile_columns / 4] = {};
  for (int64_t row = 0; row < count; ++row) {
    const double* x = padded + row * stride;
    Lanes right[tile_columns / 4];
    for (int64_t c = 0; c < tile_columns / 4; ++c) __builtin_memcpy(&right[c], x + j0 + 4 * c, sizeof(Lanes));
    for (int64_t r = 0; r < tile_rows; ++r)
      for (int64_t c = 0; c < tile_columns / 4; ++c) total[r][c] += x[i0 + r] * right[c];
  }
  __builtin_memcpy(sums, total, sizeof(total));
}

std::tuple<at::Tensor, at::Tensor> moments_cpu(const at::Tensor& rows) {
  const int64_t count = rows.size(0), width = rows.size(1);
  at::Tensor sum = at::zeros({width}, rows.options().dtype(at::kDouble));
  at::Tensor outer = at::zeros({width, width}, rows.options().dtype(at::kDouble));
  const float* x = rows.const_data_ptr<float>();
  double *s = sum.mutable_data_ptr<double>(), *o = outer.mutable_data_ptr<double>();

  // Zero columns up to a whole number of tiles both ways (12 is a multiple of 4).
  const int64_t stride = (width + tile_columns - 1) / tile_columns * tile_columns;
  std::vector<double> padded(static_cast<size_t>(count * stride), 0.0);
  for (int64_t row = 0; row < count; ++row) {
    for (int64_t i = 0; i < width; ++i) {
      const double value = x[row * width + i];
      padded[static_cast<size_t>(row * stride + i)] = value;
      s[i] += value;
    }
  }

  const int64_t bands = stride / tile_columns;  // a band is 12 rows of the result, up to its diagonal
  at::parallel_for(0, bands, std::max<int64_t>(1, 2'000'000 / std::max<int64_t>(1, count * stride * tile_columns)),
                   [&](int64_t begin, int64_t end) {
                     double sums[tile_rows][tile_columns];
                     for (int64_t band = begin; band < end; ++band) {
                       for (int64_t j0 = 0; j0 <= band * tile_columns; j0 += tile_columns) {
                         for (int64_t i0 = band * tile_columns; i0 < (band + 1) * tile_columns; i0 += tile_rows) {
                           outer_tile(padded.data(), count, stride, i0, j0, sums);
                           for (int64_t i = i0; i < std::min(i0 + tile_rows, width); ++i)
                             for (int64_t j = j0; j < std::min(j0 + tile_columns, i + 1); ++j)
                               o[i * width + j] = sums[i - i0][j - j0];
                         }
                       }
                     }
                   });
  for (int64_t i = 0; i < width; ++i)
    for (int64_t j = 0; j < i; ++j) o[j * width + i] = o[i * width + j];
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
