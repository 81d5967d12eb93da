#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "metrics/masks/block_counts.h"
#include "metrics/masks/mask_pair.h"

namespace assay {

/// MSIoU (Ahmadzadeh, Kempton, Chen, Angryk, ICIP 2021) as PySODMetrics 1.6.2 works it out: edges of prediction and
/// mask by Sobel's operator with zeros outside the image, both shrunk to cells of 1, 2, 4 ... 512 pixels that hold an
/// edge or not. At each size (common cells + 1) / (cells of the mask + 1); the value is the area under these ten ratios
/// over [0, 1] by the trapezoid rule.
///
/// As there, cells are aligned with the lower right corner, and the cells of the mask are counted in float16: from
/// 2,048 on their number is rounded, and from 65,520 on it is infinite and the ratio 0. So a mask against itself may
/// score above or below 1.
class MultiscaleIou {
 public:
  /// The value of the map prediction >= v, for v = 0 ... 256. `foreground` is the truth of `pair`.
  const std::array<double, 257>& by_level(const MaskPair& pair, const Foreground& foreground);

  static constexpr std::size_t scales = 10;

 private:
  using Word = std::uint64_t;
  /// Rows of one bit a pixel, 64 a word.
  struct Bits {
    int width = 0, height = 0, words = 0;
    std::vector<Word> rows;
    void resize(int new_width, int new_height);
    Word* row(int y) { return rows.data() + static_cast<std::ptrdiff_t>(y) * words; }
    const Word* row(int y) const { return rows.data() + static_cast<std::ptrdiff_t>(y) * words; }
  };
  /// A map with a row or word of zeros on all sides, turned by 180 degrees: cells then begin at bit 0 of row 0.
  struct Map {
    int stride = 0;
    std::vector<Word> words;
  };

  static void find_edges(const Map& map, Bits& edges);
  static void shrink(const Bits& from, Bits& to);
  double value() const;

  Map map_;
  std::array<Bits, scales> truth_, found_;
  std::array<double, scales> divisors_{};
  std::vector<std::uint32_t> order_;  // pixels by grey
  std::array<double, 257> values_{};
};

}  // namespace assay
