#include "kernels/inference/panel_tile.h"

namespace assay {
namespace {

/// 16 registers of 8 values: 12 sums, 2 of columns and one of a row.
struct Avx2 {
  static constexpr std::int64_t lanes = 8;
  static constexpr int vectors = 2, rows = 6, rest = 4;
};

}  // namespace

void multiply_panels_v3(const PanelBlock& block) { PanelTile<Avx2>::multiply_panels(block); }

}  // namespace assay
