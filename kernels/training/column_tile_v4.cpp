#include "kernels/training/column_tile.h"

namespace assay {
namespace {

/// 32 registers of 16 values: 24 sums, 2 of columns and one of a row.
struct Avx512 {
  static constexpr std::int64_t lanes = 16;
  static constexpr int vectors = 2, rows = 12, rest = 8;
};

}  // namespace

void multiply_columns_v4(const ColumnBlock& block) { ColumnTile<Avx512>::multiply_columns(block); }

}  // namespace assay
