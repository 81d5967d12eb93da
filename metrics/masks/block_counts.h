#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "metrics/masks/mask_pair.h"

namespace assay {

/// The true mask in 0 and 1, and where its mass lies.
struct Foreground {
  std::vector<std::uint8_t> mask;
  std::int64_t size = 0, sum_x = 0, sum_y = 0;

  /// Foreground is truth > threshold.
  void assign(const MaskPair& pair, int threshold);
};

/// How often each grey level occurs in a block, off (0) and on (1) the true mask.
using GreyCounts = std::array<std::array<std::int64_t, 256>, 2>;

/// The four blocks of an image cut at column `cx` and row `cy`: left top, right top, left bottom, right bottom. Counts
/// are integers: whatever is derived from them does not depend on the order of pixels.
struct BlockCounts {
  std::array<GreyCounts, 4> blocks{};
  GreyCounts whole{};
  int cx = 0, cy = 0;  // within [0, width], [0, height]

  void assign(const MaskPair& pair, const Foreground& foreground, int cut_x, int cut_y);
};

}  // namespace assay
