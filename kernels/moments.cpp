#include "kernels/moments.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/autograd_not_implemented_fallback.h>
#include <torch/library.h>

#ifdef __x86_64__
#include <immintrin.h>
#endif

#include <algorithm>
#include <tuple>
#include <vector>

#include "kernels/moments_math.h"
#include "kernels/parallel_for.h"

namespace assay {
namespace {

constexpr std::int64_t panel = 24;  // columns that lie side by side, row after row

/// Sums of left[row][i] * right[row][j] over all rows, for `height` rows i and panel columns j, added row after row.
/// Both lie in panels, so that a tile reads memory in order. A product of floats is exact, so fused and separate
/// multiplication and addition give the same bits.
using Tile = void (*)(const double* left, const double* right, std::int64_t count, double* sums);

constexpr std::int64_t height = 8;

void tile_of_four_lanes(const double* left, const double* right, std::int64_t count, double* sums) {
  using Lanes = double __attribute__((vector_size(32)));
  using Unaligned = double __attribute__((vector_size(32), aligned(8), may_alias));
  // 4 x 12 sums fill sixteen registers.
  for (std::int64_t top = 0; top < height; top += 4) {
    for (std::int64_t side = 0; side < panel; side += 12) {
      Lanes total[4][3] = {};
      const double *l = left + top, *from = right + side;
      for (std::int64_t row = 0; row < count; ++row, l += panel, from += panel) {
        const auto* wide = reinterpret_cast<const Unaligned*>(from);
        const Lanes x[3] = {wide[0], wide[1], wide[2]};
        // Unrolled, or the sums would live in memory.
#pragma GCC unroll 4
        for (std::int64_t r = 0; r < 4; ++r) {
#pragma GCC unroll 3
          for (std::int64_t c = 0; c < 3; ++c) total[r][c] += l[r] * x[c];
        }
      }
      for (std::int64_t r = 0; r < 4; ++r)
        __builtin_memcpy(sums + (top + r) * panel + side, total[r], sizeof(total[r]));
    }
  }
}

#ifdef __x86_64__
__attribute__((target("avx512f"))) void tile_of_eight_lanes(const double* left, const double* right, std::int64_t count,
                                                            double* sums) {
  // 8 x 24 sums fill 24 of 32 registers.
  __m512d total[height][3] = {};
  for (std::int64_t row = 0; row < count; ++row, left += panel, right += panel) {
    const __m512d x[3] = {_mm512_loadu_pd(right), _mm512_loadu_pd(right + 8), _mm512_loadu_pd(right + 16)};
#pragma GCC unroll 8
    for (std::int64_t r = 0; r < height; ++r) {
      const __m512d l = _mm512_set1_pd(left[r]);
#pragma GCC unroll 3
      for (std::int64_t c = 0; c < 3; ++c) total[r][c] = _mm512_fmadd_pd(l, x[c], total[r][c]);
    }
  }
#pragma GCC unroll 8
  for (std::int64_t r = 0; r < height; ++r) {
#pragma GCC unroll 3
    for (std::int64_t c = 0; c < 3; ++c) _mm512_storeu_pd(sums + r * panel + 8 * c, total[r][c]);
  }
}
#endif

Tile fastest_tile() {
#ifdef __x86_64__
  if (__builtin_cpu_supports("avx512f")) return tile_of_eight_lanes;
#endif
  return tile_of_four_lanes;
}

std::tuple<at::Tensor, at::Tensor> moments_cpu(const at::Tensor& rows) {
  const std::int64_t width = rows.size(1);
  at::Tensor sum = at::empty({width}, rows.options().dtype(at::kDouble));
  at::Tensor outer = at::empty({width, width}, rows.options().dtype(at::kDouble));
  std::vector<double> lower(static_cast<size_t>(width * (width + 1) / 2));
  moments(rows.const_data_ptr<float>(), rows.size(0), width, sum.mutable_data_ptr<double>(), lower.data());
  double* o = outer.mutable_data_ptr<double>();
  const double* from = lower.data();
  for (std::int64_t i = 0; i < width; ++i)
    for (std::int64_t j = 0; j <= i; ++j) o[i * width + j] = o[j * width + i] = *from++;
  return {sum, outer};
}

}  // namespace

void moments(const float* rows, std::int64_t count, std::int64_t width, double* sum, double* lower) {
  std::fill_n(sum, width, 0.0);
  for (std::int64_t row = 0; row < count; ++row)
    for (std::int64_t i = 0; i < width; ++i) sum[i] += rows[row * width + i];

  // In double, as panels, with zero columns to fill the last one.
  const std::int64_t panels = (width + panel - 1) / panel;
  std::vector<double> packed(static_cast<size_t>(count * panels * panel));
  for (std::int64_t p = 0; p < panels; ++p) {
    double* to = packed.data() + p * count * panel;
    const std::int64_t columns = std::min(panel, width - p * panel);
    for (std::int64_t row = 0; row < count; ++row, to += panel)
      for (std::int64_t i = 0; i < columns; ++i) to[i] = rows[row * width + p * panel + i];
  }

  // One band is a panel of rows of the result, up to its diagonal.
  static const Tile tile = fastest_tile();
  const std::int64_t grain = std::max<std::int64_t>(1, 2'000'000 / std::max<std::int64_t>(1, count * width * panel));
  at::parallel_for(0, panels, grain, [&](std::int64_t begin, std::int64_t end) {
    double sums[height * panel];
    for (std::int64_t band = begin; band < end; ++band) {
      for (std::int64_t other = 0; other <= band; ++other) {
        const double* right = packed.data() + other * count * panel;
        for (std::int64_t first = 0; first < panel; first += height) {
          tile(packed.data() + band * count * panel + first, right, count, sums);
          const std::int64_t i0 = band * panel + first, j0 = other * panel;
          for (std::int64_t i = i0; i < std::min(i0 + height, width); ++i)
            std::copy_n(sums + (i - i0) * panel, std::min(panel, i + 1 - j0), lower + i * (i + 1) / 2 + j0);
        }
      }
    }
  });
}

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
TORCH_LIBRARY_IMPL(assay, Autograd, m) { m.impl("moments", torch::autograd::autogradNotImplementedFallback()); }

}  // namespace assay
