#pragma once
#include <cstdint>

// The innermost loop of the weights' gradients, on raw memory and without LibTorch: compiled once for each set of
// instructions (column_tile_v3.cpp, column_tile_v4.cpp), as the one of products is (kernels/inference/panel_tile.h).
namespace assay {

/// The transpose of `a` times `b`: c[row][column] = sum over k < depth of a[k][row] b[k][column]. Row k of `a` begins
/// at a + k * a_stride and has `rows` values, that of `b` at b + k * b_stride and has `columns`, a multiple of 8. Each
/// value is a sum in the order of k, from zero, by fused multiply-add; it replaces what c holds, or is added to it
/// where `add`.
struct ColumnBlock {
  const float* a;
  std::int64_t a_stride, rows;
  const float* b;
  std::int64_t b_stride, columns;
  float* c;
  std::int64_t c_stride, depth;
  bool add;
};
using MultiplyColumns = void (*)(const ColumnBlock&);

/// For processors with AVX2, and for those with AVX-512. Both give the same bits.
void multiply_columns_v3(const ColumnBlock& block);
void multiply_columns_v4(const ColumnBlock& block);

template <class Set>
struct ColumnTile {
  /// `Rows` rows times `Wide` vectors of `Lanes` columns, held in registers.
  template <std::int64_t Lanes, int Rows, int Wide>
  [[gnu::always_inline]] static inline void multiply(const ColumnBlock& o, const float* a, const float* b, float* c) {
    typedef float Vector __attribute__((vector_size(4 * Lanes)));
    typedef float Loose __attribute__((vector_size(4 * Lanes), aligned(4), may_alias));  // anywhere in memory
    Vector sums[Rows][Wide] = {};
    for (std::int64_t k = 0; k < o.depth; ++k) {
      Vector columns[Wide];
#pragma GCC unroll 4
      for (int v = 0; v < Wide; ++v) columns[v] = *reinterpret_cast<const Loose*>(b + k * o.b_stride + v * Lanes);
#pragma GCC unroll 16
      for (int r = 0; r < Rows; ++r) {
        const Vector value = a[k * o.a_stride + r] - Vector{};
#pragma GCC unroll 4
        for (int v = 0; v < Wide; ++v) sums[r][v] += value * columns[v];
      }
    }
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 4
      for (int v = 0; v < Wide; ++v) {
        Loose* out = reinterpret_cast<Loose*>(c + r * o.c_stride + v * Lanes);
        *out = o.add ? *out + sums[r][v] : sums[r][v];
      }
  }

  template <int Rows>
  [[gnu::always_inline]] static inline void multiply_rows(const ColumnBlock& o, std::int64_t row) {
    constexpr std::int64_t at_once = Set::vectors * Set::lanes;
    const float* a = o.a + row;
    float* c = o.c + row * o.c_stride;
    std::int64_t column = 0;
    for (; column + at_once <= o.columns; column += at_once)
      multiply<Set::lanes, Rows, Set::vectors>(o, a, o.b + column, c + column);
    for (; column < o.columns; column += 8) multiply<8, Rows, 1>(o, a, o.b + column, c + column);
  }

  /// The rows that are left where fewer than a tile has: halved until none is left.
  template <int Rows>
  [[gnu::always_inline]] static inline void multiply_rest(const ColumnBlock& o, std::int64_t row) {
    if constexpr (Rows > 0) {
      if (o.rows - row >= Rows) {
        multiply_rows<Rows>(o, row);
        row += Rows;
      }
      multiply_rest<Rows / 2>(o, row);
    }
  }

  static void multiply_columns(const ColumnBlock& o) {
    std::int64_t row = 0;
    for (; row + Set::rows <= o.rows; row += Set::rows) multiply_rows<Set::rows>(o, row);
    multiply_rest<Set::rest>(o, row);
  }
};

}  // namespace assay
