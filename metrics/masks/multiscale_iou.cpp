#include "metrics/masks/multiscale_iou.h"

#include <bit>
#include <limits>

namespace assay {
namespace {

using Word = std::uint64_t;

/// Whether a1 + 2 a2 + a3 = b1 + 2 b2 + b3, for each bit.
Word equal_weights(Word a1, Word a2, Word a3, Word b1, Word b2, Word b3) {
  const Word outer = ~((a1 ^ a3) ^ (b1 ^ b3)) & ~((a1 & a3) ^ (b1 & b3));
  return (outer & ~(a2 ^ b2)) | (a2 & ~b2 & b1 & b3 & ~a1 & ~a3) | (b2 & ~a2 & a1 & a3 & ~b1 & ~b3);
}

/// Bits 2 i or 2 i + 1 at i, for i < 32.
Word or_pairs(Word x) {
  x = (x | x >> 1) & 0x5555555555555555u;
  x = (x | x >> 1) & 0x3333333333333333u;
  x = (x | x >> 2) & 0x0f0f0f0f0f0f0f0fu;
  x = (x | x >> 4) & 0x00ff00ff00ff00ffu;
  x = (x | x >> 8) & 0x0000ffff0000ffffu;
  return (x | x >> 16) & 0x00000000ffffffffu;
}

/// A count as float16 holds it: 11 binary digits, halves to even, infinite from 65,520 on.
double as_half(std::int64_t count) {
  const int digits = std::bit_width(static_cast<std::uint64_t>(count));
  if (digits > 11) {
    const int shift = digits - 11;
    const std::int64_t left = count & ((std::int64_t{1} << shift) - 1), half = std::int64_t{1} << (shift - 1);
    count >>= shift;
    count += left > half || (left == half && (count & 1) != 0) ? 1 : 0;
    count <<= shift;
  }
  return count > 65504 ? std::numeric_limits<double>::infinity() : static_cast<double>(count);
}

}  // namespace

void MultiscaleIou::Bits::resize(int new_width, int new_height) {
  width = new_width;
  height = new_height;
  words = (width + 63) / 64;
  rows.resize(static_cast<std::size_t>(words) * static_cast<std::size_t>(height));
}

/// Sobel's sums over the columns and over the rows beside a pixel; an edge is where either pair differs.
void MultiscaleIou::find_edges(const Map& map, Bits& edges) {
  const int words = edges.words;
  const Word last = edges.width % 64 == 0 ? ~Word{0} : (Word{1} << (edges.width % 64)) - 1;
  for (int y = 0; y < edges.height; ++y) {
    const Word* up = map.words.data() + static_cast<std::ptrdiff_t>(y) * map.stride + 1;
    const Word *here = up + map.stride, *down = here + map.stride;
    Word* out = edges.row(y);
    for (int k = 0; k < words; ++k) {
      const auto before = [k](const Word* row) { return row[k] << 1 | row[k - 1] >> 63; };
      const auto after = [k](const Word* row) { return row[k] >> 1 | row[k + 1] << 63; };
      const Word up_before = before(up), up_after = after(up), down_before = before(down), down_after = after(down);
      out[k] = ~(equal_weights(up_before, before(here), down_before, up_after, after(here), down_after) &
                 equal_weights(up_before, up[k], up_after, down_before, down[k], down_after));
    }
    out[words - 1] &= last;
  }
}

void MultiscaleIou::shrink(const Bits& from, Bits& to) {
  to.resize((from.width + 1) / 2, (from.height + 1) / 2);
  for (int y = 0; y < to.height; ++y) {
    const Word *first = from.row(2 * y), *second = 2 * y + 1 < from.height ? from.row(2 * y + 1) : first;
    Word* out = to.row(y);
    for (int k = 0; k < to.words; ++k) {
      out[k] = or_pairs(first[2 * k] | second[2 * k]);
      if (2 * k + 1 < from.words) out[k] |= or_pairs(first[2 * k + 1] | second[2 * k + 1]) << 32;
    }
  }
}

double MultiscaleIou::value() const {
  std::array<double, scales> ratios{};
  for (std::size_t s = 0; s < scales; ++s) {
    std::int64_t common = 0;
    for (std::size_t k = 0; k < truth_[s].rows.size(); ++k)
      common += std::popcount(truth_[s].rows[k] & found_[s].rows[k]);
    ratios[s] = static_cast<double>(common + 1) / divisors_[s];
  }
  double area = 0.0;
  for (std::size_t s = 1; s < scales; ++s)
    area += 1.0 / static_cast<double>(scales - 1) * (ratios[s] + ratios[s - 1]) / 2.0;
  return area;
}

const std::array<double, 257>& MultiscaleIou::by_level(const MaskPair& pair, const Foreground& foreground) {
  const auto w = static_cast<std::size_t>(pair.width), pixels = w * static_cast<std::size_t>(pair.height);
  for (auto* side : {&truth_, &found_}) (*side)[0].resize(pair.width, pair.height);
  map_.stride = truth_[0].words + 2;
  map_.words.assign(static_cast<std::size_t>(map_.stride) * static_cast<std::size_t>(pair.height + 2), 0);
  // The word and the bit of a pixel of the turned map.
  const auto word_of = [&](std::size_t place) -> Word& {
    const std::size_t y = static_cast<std::size_t>(pair.height) - place / w, x = w - 1 - place % w;
    return map_.words[y * static_cast<std::size_t>(map_.stride) + 1 + x / 64];
  };
  const auto bit_of = [&](std::size_t place) { return Word{1} << ((w - 1 - place % w) % 64); };

  for (std::size_t i = 0; i < pixels; ++i)
    if (foreground.mask[i] != 0) word_of(i) |= bit_of(i);
  find_edges(map_, truth_[0]);
  for (std::size_t s = 0; s < scales; ++s) {
    if (s > 0) shrink(truth_[s - 1], truth_[s]);
    std::int64_t cells = 0;
    for (const Word word : truth_[s].rows) cells += std::popcount(word);
    const double rounded = as_half(cells);
    divisors_[s] = rounded < 65504.0 ? as_half(static_cast<std::int64_t>(rounded) + 1) : rounded;
  }

  std::array<std::uint32_t, 257> begin{};
  for (std::size_t i = 0; i < pixels; ++i) ++begin[std::size_t{pair.prediction[i]} + 1];
  for (std::size_t v = 1; v < begin.size(); ++v) begin[v] += begin[v - 1];
  order_.resize(pixels);
  std::array<std::uint32_t, 257> next = begin;
  for (std::size_t i = 0; i < pixels; ++i) {
    order_[next[pair.prediction[i]]++] = static_cast<std::uint32_t>(i);
    word_of(i) |= bit_of(i);
  }
  for (std::size_t v = 0; v < values_.size(); ++v) {
    if (v > 0 && begin[v] == begin[v - 1]) {  // no pixel of grey v - 1: the same map
      values_[v] = values_[v - 1];
      continue;
    }
    if (v > 0)
      for (std::uint32_t i = begin[v - 1]; i < begin[v]; ++i) word_of(order_[i]) &= ~bit_of(order_[i]);
    find_edges(map_, found_[0]);
    for (std::size_t s = 1; s < scales; ++s) shrink(found_[s - 1], found_[s]);
    values_[v] = value();
  }
  return values_;
}

}  // namespace assay
