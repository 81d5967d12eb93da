#include "metrics/masks/block_counts.h"

#include <algorithm>

namespace assay {

void Foreground::assign(const MaskPair& pair, int threshold) {
  const auto w = static_cast<std::size_t>(pair.width), h = static_cast<std::size_t>(pair.height);
  mask.resize(w * h);
  size = sum_x = sum_y = 0;
  const auto limit = static_cast<std::uint8_t>(threshold);
  std::vector<std::uint32_t> columns(w, 0);
  for (std::size_t y = 0; y < h; ++y) {
    const std::uint8_t* in = pair.truth + y * w;
    std::uint8_t* out = mask.data() + y * w;
    std::uint32_t row = 0;
    for (std::size_t x = 0; x < w; ++x) {
      out[x] = in[x] > limit ? 1 : 0;
      row += out[x];
      columns[x] += out[x];
    }
    size += row;
    sum_y += static_cast<std::int64_t>(row) * static_cast<std::int64_t>(y);
  }
  for (std::size_t x = 0; x < w; ++x) sum_x += static_cast<std::int64_t>(columns[x]) * static_cast<std::int64_t>(x);
}

void BlockCounts::assign(const MaskPair& pair, const Foreground& foreground, int cut_x, int cut_y) {
  cx = std::clamp(cut_x, 0, pair.width);
  cy = std::clamp(cut_y, 0, pair.height);
  for (GreyCounts& block : blocks) block = {};
  const auto w = static_cast<std::size_t>(pair.width);
  // Neighbours are often equal: with one table each increment would wait for the one before it.
  constexpr std::size_t tables = 4;
  using Table = std::array<std::uint32_t, 512>;
  std::array<std::array<Table, tables>, 2> sides;
  const auto count = [&](std::array<Table, tables>& side, std::size_t begin, std::size_t end) {
    const std::uint8_t* grey = pair.prediction;
    const std::uint8_t* mask = foreground.mask.data();
    std::size_t i = begin;
    for (; i + tables <= end; i += tables)
      for (std::size_t t = 0; t < tables; ++t) ++side[t][std::size_t{mask[i + t]} << 8 | grey[i + t]];
    for (; i < end; ++i) ++side[0][std::size_t{mask[i]} << 8 | grey[i]];
  };
  for (int half = 0; half < 2; ++half) {
    for (auto& side : sides)
      for (Table& table : side) table.fill(0);
    const auto first = static_cast<std::size_t>(half == 0 ? 0 : cy),
               last = static_cast<std::size_t>(half == 0 ? cy : pair.height);
    for (std::size_t y = first; y < last; ++y) {
      const std::size_t begin = y * w, cut = begin + static_cast<std::size_t>(cx);
      count(sides[0], begin, cut);
      count(sides[1], cut, begin + w);
    }
    for (std::size_t side = 0; side < 2; ++side)
      for (const Table& table : sides[side])
        for (std::size_t i = 0; i < table.size(); ++i)
          blocks[2 * static_cast<std::size_t>(half) + side][i >> 8][i & 255] += table[i];
  }
  for (std::size_t on = 0; on < 2; ++on)
    for (std::size_t v = 0; v < 256; ++v)
      whole[on][v] = blocks[0][on][v] + blocks[1][on][v] + blocks[2][on][v] + blocks[3][on][v];
}

}  // namespace assay
