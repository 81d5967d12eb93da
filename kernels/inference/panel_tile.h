#pragma once
#include <cstdint>

// The innermost loop of every product here, on raw memory and without LibTorch: compiled once for each set of
// instructions (panel_tile_v3.cpp, panel_tile_v4.cpp). Everything in it is a template on the set, so that the linker
// cannot join what two compilations made of one function.
namespace assay {

/// Columns of a panel: how many outputs lie side by side in packed weights, whatever the processor.
constexpr std::int64_t panel_width = 16;

/// Rows times panels. Row r of `a` begins at a + r * a_stride and has `depth` values; panel p is [depth, 16] at
/// b + p * b_stride; the product's row r begins at c + r * c_stride and has 16 columns a panel. Each value is a sum in
/// the order of depth, from zero, by fused multiply-add; it replaces what c holds, or is added to it where `add`.
struct PanelBlock {
  const float* a;
  std::int64_t a_stride, rows;
  const float* b;
  std::int64_t b_stride, panels;
  float* c;
  std::int64_t c_stride, depth;
  bool add;
};
using MultiplyPanels = void (*)(const PanelBlock&);

/// For processors with AVX2, and for those with AVX-512. Both give the same bits.
void multiply_panels_v3(const PanelBlock& block);
void multiply_panels_v4(const PanelBlock& block);

template <class Set>
struct PanelTile {
  static constexpr std::int64_t lanes = Set::lanes;
  typedef float Vector __attribute__((vector_size(4 * lanes)));
  typedef float Loose __attribute__((vector_size(4 * lanes), aligned(4), may_alias));  // anywhere in memory

  /// `Rows` rows times `Wide` vectors of columns, held in registers. Vector v of a row of b is at b + where(v).
  template <int Rows, int Wide>
  [[gnu::always_inline]] static inline void multiply(const PanelBlock& o, const float* a, const float* b, float* c) {
    Vector sums[Rows][Wide] = {};
    for (std::int64_t k = 0; k < o.depth; ++k) {
      Vector columns[Wide];
#pragma GCC unroll 4
      for (int v = 0; v < Wide; ++v)
        columns[v] = *reinterpret_cast<const Loose*>(b + v * lanes / panel_width * o.b_stride +
                                                     v * lanes % panel_width + k * panel_width);
#pragma GCC unroll 16
      for (int r = 0; r < Rows; ++r) {
        const Vector value = a[r * o.a_stride + k] - Vector{};
#pragma GCC unroll 4
        for (int v = 0; v < Wide; ++v) sums[r][v] += value * columns[v];
      }
    }
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 4
      for (int v = 0; v < Wide; ++v) {
        Loose* out = reinterpret_cast<Loose*>(c + r * o.c_stride + v * lanes);
        *out = o.add ? *out + sums[r][v] : sums[r][v];
      }
  }

  template <int Rows>
  [[gnu::always_inline]] static inline void multiply_rows(const PanelBlock& o, std::int64_t row) {
    constexpr std::int64_t at_once = Set::vectors * lanes / panel_width;  // panels
    const float* a = o.a + row * o.a_stride;
    float* c = o.c + row * o.c_stride;
    std::int64_t panel = 0;
    for (; panel + at_once <= o.panels; panel += at_once)
      multiply<Rows, Set::vectors>(o, a, o.b + panel * o.b_stride, c + panel * panel_width);
    for (; panel < o.panels; ++panel)
      multiply<Rows, panel_width / lanes>(o, a, o.b + panel * o.b_stride, c + panel * panel_width);
  }

  /// The rows of a panel that are left where fewer than a tile has: halved until none is left.
  template <int Rows>
  [[gnu::always_inline]] static inline void multiply_rest(const PanelBlock& o, std::int64_t row) {
    if constexpr (Rows > 0) {
      if (o.rows - row >= Rows) {
        multiply_rows<Rows>(o, row);
        row += Rows;
      }
      multiply_rest<Rows / 2>(o, row);
    }
  }

  static void multiply_panels(const PanelBlock& o) {
    std::int64_t row = 0;
    for (; row + Set::rows <= o.rows; row += Set::rows) multiply_rows<Set::rows>(o, row);
    multiply_rest<Set::rest>(o, row);
  }
};

}  // namespace assay
