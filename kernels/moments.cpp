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

/// Rows that are summed at a time: two panels of so many lie in the first cache together.
constexpr std::int64_t stretch = 128;

/// Adds the sums of left[row][i] * right[row][j] over `count` rows to `sums`, row after row. Both lie in panels of some
/// columns, row after row, so that a tile reads memory in order. A product of floats is exact, so fused and separate
/// multiplication and addition give the same bits.
struct Tile {
  void (*add)(const double* left, const double* right, std::int64_t count, double* sums);
  std::int64_t height;  // columns i that it takes at once
  std::int64_t panel;   // columns j, all of a panel
};

void add_with_four_lanes(const double* left, const double* right, std::int64_t count, double* sums) {
  using Lanes = double __attribute__((vector_size(32)));
  using Unaligned = double __attribute__((vector_size(32), aligned(8), may_alias));
  // 4 x 12 sums fill sixteen registers.
  Lanes total[4][3];
  auto* kept = reinterpret_cast<Unaligned*>(sums);
#pragma GCC unroll 4
  for (std::int64_t r = 0; r < 4; ++r) {
#pragma GCC unroll 3
    for (std::int64_t c = 0; c < 3; ++c) total[r][c] = kept[3 * r + c];
  }
  for (std::int64_t row = 0; row < count; ++row, left += 12, right += 12) {
    const auto* wide = reinterpret_cast<const Unaligned*>(right);
    const Lanes x[3] = {wide[0], wide[1], wide[2]};
    // Unrolled, or the sums would live in memory.
#pragma GCC unroll 4
    for (std::int64_t r = 0; r < 4; ++r) {
#pragma GCC unroll 3
      for (std::int64_t c = 0; c < 3; ++c) total[r][c] += left[r] * x[c];
    }
  }
#pragma GCC unroll 4
  for (std::int64_t r = 0; r < 4; ++r) {
#pragma GCC unroll 3
    for (std::int64_t c = 0; c < 3; ++c) kept[3 * r + c] = total[r][c];
  }
}

#ifdef __x86_64__
__attribute__((target("avx512f"))) void add_with_eight_lanes(const double* left, const double* right,
                                                             std::int64_t count, double* sums) {
  // 8 x 24 sums fill 24 of 32 registers.
  __m512d total[8][3];
#pragma GCC unroll 8
  for (std::int64_t r = 0; r < 8; ++r) {
#pragma GCC unroll 3
    for (std::int64_t c = 0; c < 3; ++c) total[r][c] = _mm512_loadu_pd(sums + r * 24 + 8 * c);
  }
  for (std::int64_t row = 0; row < count; ++row, left += 24, right += 24) {
    const __m512d x[3] = {_mm512_loadu_pd(right), _mm512_loadu_pd(right + 8), _mm512_loadu_pd(right + 16)};
#pragma GCC unroll 8
    for (std::int64_t r = 0; r < 8; ++r) {
      const __m512d l = _mm512_set1_pd(left[r]);
#pragma GCC unroll 3
      for (std::int64_t c = 0; c < 3; ++c) total[r][c] = _mm512_fmadd_pd(l, x[c], total[r][c]);
    }
  }
#pragma GCC unroll 8
  for (std::int64_t r = 0; r < 8; ++r) {
#pragma GCC unroll 3
    for (std::int64_t c = 0; c < 3; ++c) _mm512_storeu_pd(sums + r * 24 + 8 * c, total[r][c]);
  }
}
#endif

constexpr std::int64_t widest_panel = 24;

Tile fastest_tile() {
#ifdef __x86_64__
  if (__builtin_cpu_supports("avx512f")) return {add_with_eight_lanes, 8, 24};
#endif
  return {add_with_four_lanes, 4, 12};
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
  static const Tile tile = fastest_tile();
  const std::int64_t panel = tile.panel, panels = (width + panel - 1) / panel;
  const std::int64_t stretches = (count + stretch - 1) / stretch;
  // In double, as panels of `stretch` rows, with zero columns to fill the last one.
  std::vector<double> packed(static_cast<size_t>(stretches * panels * stretch * panel));
  const auto part = [&](std::int64_t s, std::int64_t p) { return packed.data() + (s * panels + p) * stretch * panel; };
  const std::int64_t grain = std::max<std::int64_t>(1, 2'000'000 / std::max<std::int64_t>(1, count * width * panel));
  at::parallel_for(0, panels, 16 * grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t p = begin; p < end; ++p) {
      const std::int64_t first = p * panel, columns = std::min(panel, width - first);
      std::fill_n(sum + first, columns, 0.0);
      for (std::int64_t row = 0; row < count; ++row) {
        double* to = part(row / stretch, p) + row % stretch * panel;
        for (std::int64_t i = 0; i < columns; ++i) {
          to[i] = rows[row * width + first + i];
          sum[first + i] += to[i];
        }
      }
    }
  });

  // One band is a panel of rows of the result, up to its diagonal.
  const auto sum_band = [&](std::int64_t band) {
    double sums[widest_panel * widest_panel];
    for (std::int64_t other = 0; other <= band; ++other) {
      std::fill_n(sums, panel * panel, 0.0);
      for (std::int64_t s = 0; s < stretches; ++s)
        for (std::int64_t first = 0; first < panel; first += tile.height)
          tile.add(part(s, band) + first, part(s, other), std::min(stretch, count - s * stretch), sums + first * panel);
      const std::int64_t i0 = band * panel, j0 = other * panel;
      for (std::int64_t i = i0; i < std::min(i0 + panel, width); ++i)
        std::copy_n(sums + (i - i0) * panel, std::min(panel, i + 1 - j0), lower + i * (i + 1) / 2 + j0);
    }
  };
  // A short band goes with a long one, so that threads have the same to do.
  at::parallel_for(0, (panels + 1) / 2, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t short_one = begin; short_one < end; ++short_one) {
      const std::int64_t long_one = panels - 1 - short_one;
      sum_band(short_one);
      if (long_one != short_one) sum_band(long_one);
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
