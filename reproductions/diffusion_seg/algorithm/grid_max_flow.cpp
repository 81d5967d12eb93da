#include <algorithm>
#include <array>
#include <bit>
#include <utility>

#include "reproductions/diffusion_seg/algorithm/max_flow.h"

namespace assay::diffusion_seg {
namespace {

using Word = std::uint64_t;  // a bit each for 64 pixels of a row
constexpr std::size_t word_bits = 64;
// So many layers of a search are kept at most: from then on it ends where it has met a surplus.
constexpr std::size_t most_layers = 256;

struct Step {
  std::ptrdiff_t down, right;
};
// The first four are those of grid_max_flow's `capacity`; direction (d + 4) % 8 leads back.
constexpr std::array<Step, 8> steps = {{{0, 1}, {1, -1}, {1, 0}, {1, 1}, {0, -1}, {-1, 1}, {-1, 0}, {-1, -1}}};
constexpr std::size_t opposite(std::size_t d) { return (d + 4) % 8; }

/// What a search found at one distance.
struct Found {
  Word any = 0, surplus = 0;  // not 0: pixels at all, pixels with a surplus
};

/// What s can still send to a pixel is its surplus, what the pixel can still send to t a surplus below 0. Flow moves
/// surplus along arcs with room, and only to a pixel that is one arc nearer to a deficit: as in Dinic's method (1970) a
/// breadth-first search finds how near each pixel is, and one pass over its layers, the farthest first, moves all that
/// their arcs let through. A surplus that no arcs lead on to a deficit stays where it is, for good.
///
/// Searches handle 64 pixels at once: layers are bits, as are the arcs of one direction that have room.
class GridFlow {
 public:
  GridFlow(std::size_t height, std::size_t width, const std::vector<std::int64_t>& terminal,
           std::vector<std::int64_t> capacity)
      : height_(height),
        width_(width),
        words_((width + word_bits - 1) / word_bits),
        margin_(words_ + 1),
        size_(height * words_ + 2 * margin_),
        surplus_(terminal),
        room_(std::move(capacity)),
        above_(size_, 0),
        below_(size_, 0) {
    for (std::vector<Word>& bits : open_) bits.assign(size_, 0);
    room_.resize(8 * surplus_.size(), 0);
    for (std::size_t d = 0; d < 4; ++d)
      each_row_of_edges(d, [&](std::size_t i, std::size_t j, std::size_t count) {
        std::copy_n(room(d) + i, count, room(opposite(d)) + j);
      });
  }

  MaxFlow run() {
    const std::int64_t sent = total_surplus();
    for (const std::size_t d : {2, 0, 1, 3}) sweep(d);
    take_bits();
    for (std::size_t depth = search(); depth > 0; depth = search()) move_down(depth);
    reach();
    MaxFlow flow{sent - total_surplus(), std::vector<std::uint8_t>(surplus_.size())};
    for (std::size_t y = 0; y < height_; ++y)
      for (std::size_t x = 0; x < width_; ++x)
        flow.source_side[y * width_ + x] =
            static_cast<std::uint8_t>(seen_[first_word(y) + x / word_bits] >> x % word_bits & 1u);
    return flow;
  }

 private:
  std::int64_t* room(std::size_t d) { return room_.data() + d * surplus_.size(); }
  std::size_t first_word(std::size_t y) const { return margin_ + y * words_; }
  std::ptrdiff_t offset(std::size_t d) const {
    return steps[d].down * static_cast<std::ptrdiff_t>(width_) + steps[d].right;
  }

  std::int64_t total_surplus() const {
    std::int64_t sum = 0;
    for (const std::int64_t surplus : surplus_) sum += std::max<std::int64_t>(surplus, 0);
    return sum;
  }

  /// visit(i, j, count) for the edges of one of the first four directions, row by row: from pixel i to j, i + 1 to j +
  /// 1, ...
  template <class Visit>
  void each_row_of_edges(std::size_t d, const Visit& visit) const {
    const std::size_t first = steps[d].right < 0 ? 1 : 0, count = width_ - (steps[d].right == 0 ? 0 : 1);
    for (std::size_t y = 0; y + static_cast<std::size_t>(steps[d].down) < height_; ++y) {
      const std::size_t i = y * width_ + first;
      visit(i, static_cast<std::size_t>(static_cast<std::ptrdiff_t>(i) + offset(d)), count);
    }
  }

  /// Moves as much as the lines of one direction can carry, each by itself: pixel after pixel hands on its surplus or
  /// its deficit. Most of all flow runs so, at little cost.
  void sweep(std::size_t d) {
    std::int64_t *const surplus = surplus_.data(), *const ahead = room(d), *back = room(opposite(d));
    const auto hand_on = [=](std::size_t i, std::size_t j) {
      const std::int64_t flow = std::min(std::max(surplus[i], -back[j]), ahead[i]);
      surplus[i] -= flow;
      surplus[j] += flow;
      ahead[i] -= flow;
      back[j] += flow;
    };
    if (steps[d].down == 0) {
      // One row has to wait for itself: eight take turns.
      constexpr std::size_t most = 8;
      const std::size_t width = width_;
      for (std::size_t top = 0; top < height_; top += most) {
        const std::size_t i = top * width, rows = std::min(most, height_ - top);
        for (std::size_t x = 0; x + 1 < width; ++x)
          for (std::size_t y = 0; y < rows; ++y) hand_on(i + y * width + x, i + y * width + x + 1);
      }
      return;
    }
    each_row_of_edges(d, [&](std::size_t i, std::size_t j, std::size_t count) {
#ifndef __clang__
#pragma GCC ivdep
#endif
      for (std::size_t x = 0; x < count; ++x) hand_on(i + x, j + x);
    });
  }

  void take_bits() {
    const auto take = [this](const std::int64_t* values, std::vector<Word>& bits, std::int64_t sign) {
      for (std::size_t y = 0; y < height_; ++y)
        for (std::size_t x = 0; x < width_; x += word_bits) {
          const std::int64_t* from = values + y * width_ + x;
          const std::size_t count = std::min(word_bits, width_ - x);
          Word word = 0;
          for (std::size_t k = 0; k < count; ++k) word |= Word{sign * from[k] > 0} << k;
          bits[first_word(y) + x / word_bits] = word;
        }
    };
    take(surplus_.data(), above_, 1);
    take(surplus_.data(), below_, -1);
    for (std::size_t d = 0; d < 8; ++d) take(room(d), open_[d], 1);
  }

  /// The bits of the pixels a step further; words(k) are the bits of word k. What comes in over the edge of the image
  /// is of no consequence, since no arc that leads there has room.
  template <std::size_t d, class Words>
  static Word further(std::size_t k, std::size_t words_a_row, const Words& words) {
    const std::size_t row = k + static_cast<std::size_t>(steps[d].down) * words_a_row;
    if constexpr (steps[d].right > 0) return words(row) >> 1 | words(row + 1) << (word_bits - 1);
    if constexpr (steps[d].right < 0) return words(row) << 1 | words(row - 1) >> (word_bits - 1);
    return words(row);
  }

  /// From one layer to the next: against the arcs, or along them.
  template <bool along, std::size_t... d>
  Found spread(const Word* from, Word* to, std::index_sequence<d...>) {
    const std::array<const Word*, 8> open = {open_[d].data()...};
    const Word* above = above_.data();
    Word* seen = seen_.data();
    const std::size_t words = words_, end = size_ - margin_;
    Found found;
#ifndef __clang__
#pragma GCC ivdep
#endif
    for (std::size_t k = margin_; k < end; ++k) {
      Word next = 0;
      if constexpr (along)
        next = (further<d>(k, words, [&](std::size_t m) { return from[m] & open[opposite(d)][m]; }) | ...);
      else
        next = ((open[d][k] & further<d>(k, words, [&](std::size_t m) { return from[m]; })) | ...);
      next &= ~seen[k];
      to[k] = next;
      seen[k] |= next;
      found.any |= next;
      found.surplus |= next & above[k];
    }
    return found;
  }

  Word* layer(std::size_t depth) {
    const std::size_t place = depth % most_layers;
    if (layers_.size() < (place + 1) * size_) layers_.resize((place + 1) * size_, 0);
    return layers_.data() + place * size_;
  }

  /// Layers by the number of arcs to the nearest deficit. Returns the deepest with a surplus, 0 where there is none.
  std::size_t search() {
    std::copy(below_.begin(), below_.end(), layer(0));
    seen_ = below_;
    std::size_t deepest = 0;
    for (std::size_t depth = 1; deepest == 0 || depth < most_layers; ++depth) {
      Word* to = layer(depth);
      const Found found = spread<false>(layer(depth - 1), to, std::make_index_sequence<8>());
      if (found.any == 0) break;
      if (found.surplus != 0) deepest = depth;
    }
    return deepest;
  }

  void move_down(std::size_t deepest) {
    const std::size_t last = deepest < most_layers ? 0 : deepest + 1 - most_layers;
    for (std::size_t depth = deepest; depth > last; --depth) {
      const Word *here = layer(depth), *nearer = layer(depth - 1);
      for (std::size_t k = margin_; k < size_ - margin_; ++k)
        if ((here[k] & above_[k]) != 0) move_word(k, here[k], nearer, std::make_index_sequence<8>());
    }
  }

  template <std::size_t... d>
  void move_word(std::size_t k, Word here, const Word* nearer, std::index_sequence<d...>) {
    const auto words = [nearer](std::size_t m) { return nearer[m]; };
    (move<d>(k, here & above_[k] & open_[d][k] & further<d>(k, words_, words)), ...);
  }

  /// Moves what it can of the surplus of these pixels of word k one step on.
  template <std::size_t d>
  void move(std::size_t k, Word pixels) {
    const std::size_t word = k - margin_, first = word / words_ * width_ + word % words_ * word_bits;
    std::int64_t *const surplus = surplus_.data(), *const ahead = room(d), *back = room(opposite(d));
    Word *const above = above_.data(), *const below = below_.data(), *const open = open_[d].data();
    Word* const open_back = open_[opposite(d)].data();
    const auto step = static_cast<std::size_t>(offset(d));
    const std::size_t bits_of_step =
        static_cast<std::size_t>(steps[d].down) * words_ * word_bits + static_cast<std::size_t>(steps[d].right);
    for (; pixels != 0; pixels &= pixels - 1) {
      const auto bit = static_cast<std::size_t>(std::countr_zero(pixels));
      const std::size_t i = first + bit, j = i + step, place = k * word_bits + bit + bits_of_step;
      const Word there = Word{1} << place % word_bits;
      const std::size_t m = place / word_bits;
      const std::int64_t flow = std::min(surplus[i], ahead[i]);
      surplus[i] -= flow;
      surplus[j] += flow;
      ahead[i] -= flow;
      back[j] += flow;
      if (ahead[i] == 0) open[k] &= ~(Word{1} << bit);
      open_back[m] |= there;
      if (surplus[i] == 0) above[k] &= ~(Word{1} << bit);
      if (surplus[j] > 0) above[m] |= there;
      if (surplus[j] >= 0) below[m] &= ~there;
    }
  }

  /// Leaves in seen_ what arcs with room lead to from a surplus.
  void reach() {
    std::copy(above_.begin(), above_.end(), layer(0));
    seen_ = above_;
    for (std::size_t depth = 1;; ++depth) {
      Word* to = layer(depth % 2);
      if (spread<true>(layer((depth - 1) % 2), to, std::make_index_sequence<8>()).any == 0) return;
    }
  }

  std::size_t height_, width_;
  std::size_t words_;                      // of a row
  std::size_t margin_;                     // words without a pixel, before and behind the image's
  std::size_t size_;                       // words, margins included
  std::vector<std::int64_t> surplus_;      // [height, width]
  std::vector<std::int64_t> room_;         // [8, height, width]: of each pixel's arc in each direction
  std::array<std::vector<Word>, 8> open_;  // where room_ is above 0
  std::vector<Word> above_, below_;        // where surplus_ is above and below 0
  std::vector<Word> layers_, seen_;        // of a search
};

}  // namespace

MaxFlow grid_max_flow(std::int64_t height, std::int64_t width, const std::vector<std::int64_t>& terminal,
                      std::vector<std::int64_t> capacity) {
  return GridFlow(static_cast<std::size_t>(height), static_cast<std::size_t>(width), terminal, std::move(capacity))
      .run();
}

}  // namespace assay::diffusion_seg
