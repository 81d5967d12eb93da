#include "kernels/training/column_tile.h"

namespace assay {
namespace {

/// 16 registers of 8 values: 12 sums, 2 of columns and one of a row.
struct Avx2 {
  static constexpr std::int64_t lanes = 8;
  static constexpr int vectors = 2, rows = 6, rest = 4;
};

}  // namespace

void multiply_columns_v3(const ColumnBlock& block) { ColumnTile<Avx2>::multiply_columns(block); }

}  // namespace assay
