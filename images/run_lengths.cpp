#include "images/run_lengths.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "core/error.h"

namespace assay {
namespace {

constexpr int bits = 5, lowest_character = '0', continues = 1 << bits, negative = 1 << (bits - 1);
constexpr int most_characters = 7;  // of one run: 35 bits hold the difference of any two

std::uint64_t pixels_of(int width, int height) {
  return static_cast<std::uint64_t>(width) * static_cast<std::uint64_t>(height);
}

void check_size(int width, int height, const std::string& where) {
  if (width < 1 || height < 1 || pixels_of(width, height) > 0xFFFFFFFFu)
    throw InputError(
        fmt::format("{}: a mask of {} x {}; accepted: at least 1 x 1, fewer than 2^32 pixels", where, width, height));
}

void check_sum(const RunLengths& mask) {
  const std::uint64_t sum = std::accumulate(mask.counts.begin(), mask.counts.end(), std::uint64_t{0});
  if (sum != pixels_of(mask.width, mask.height))
    throw Error(fmt::format("runs of {} pixels in a mask of {} x {}", sum, mask.width, mask.height));
}

void check_same_size(const RunLengths& a, const RunLengths& b) {
  if (a.width != b.width || a.height != b.height)
    throw Error(fmt::format("masks of {} x {} and {} x {}", a.width, a.height, b.width, b.height));
}

/// Walks along the runs of a mask.
class Walk {
 public:
  explicit Walk(const RunLengths& mask) : counts_(mask.counts) { left_ = counts_.empty() ? 0 : counts_[0]; }
  /// How much of the run is left, and whether it is foreground.
  std::uint32_t left() const { return left_; }
  bool foreground() const { return run_ % 2 == 1; }
  /// Goes on by at most left(): to the next run, which may be empty, at the end of this one.
  void advance(std::uint32_t pixels) {
    left_ -= pixels;
    if (left_ > 0 || run_ + 1 >= counts_.size()) return;
    left_ = counts_[++run_];
  }

 private:
  std::span<const std::uint32_t> counts_;
  std::size_t run_ = 0;
  std::uint32_t left_ = 0;
};

RunLengths merged_pair(const RunLengths& a, const RunLengths& b, MaskMerge merge) {
  RunLengths out{a.width, a.height, {}};
  Walk left(a), right(b);
  bool foreground = false;
  std::uint32_t run = 0;
  for (std::uint64_t left_over = pixels_of(a.width, a.height); left_over > 0;) {
    const std::uint32_t step = std::min(left.left(), right.left());
    run += step;
    left_over -= step;
    left.advance(step);
    right.advance(step);
    const bool next =
        merge == MaskMerge::all ? left.foreground() && right.foreground() : left.foreground() || right.foreground();
    if (next == foreground && left_over > 0) continue;
    out.counts.push_back(run);
    foreground = next;
    run = 0;
  }
  return out;
}

}  // namespace

RunLengths run_lengths_of(const Image& mask) {
  if (mask.channels != 1) throw Error(fmt::format("run lengths of an image of {} channels", mask.channels));
  check_size(mask.width, mask.height, "run lengths");
  RunLengths out{mask.width, mask.height, {}};
  bool foreground = false;
  std::uint32_t run = 0;
  for (int x = 0; x < mask.width; ++x)
    for (int y = 0; y < mask.height; ++y) {
      const bool here = *mask.at(x, y) != 0;
      if (here != foreground) {
        out.counts.push_back(run);
        run = 0;
        foreground = here;
      }
      ++run;
    }
  out.counts.push_back(run);
  return out;
}

RunLengths run_lengths_from(std::span<const std::int64_t> counts, int width, int height, const std::string& where) {
  check_size(width, height, where);
  RunLengths out{width, height, {}};
  out.counts.reserve(counts.size());
  const std::uint64_t pixels = pixels_of(width, height);
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] < 0) throw InputError(fmt::format("{}: run {} is {} pixels long", where, i, counts[i]));
    // A run beyond the mask ends the sum, which could otherwise overflow.
    if (static_cast<std::uint64_t>(counts[i]) > pixels - sum)
      throw InputError(fmt::format("{}: its runs have more pixels than {} x {}; the first too many is run {}", where,
                                   width, height, i));
    sum += static_cast<std::uint64_t>(counts[i]);
    out.counts.push_back(static_cast<std::uint32_t>(counts[i]));
  }
  if (sum != pixels)
    throw InputError(fmt::format("{}: its runs have {} pixels, and {} x {} are {}", where, sum, width, height, pixels));
  return out;
}

RunLengths run_lengths_from_text(std::string_view text, int width, int height, const std::string& where) {
  std::vector<std::int64_t> counts;
  std::int64_t value = 0;
  int characters = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int code = static_cast<unsigned char>(text[i]) - lowest_character;
    if (code < 0 || code >= 2 * continues)
      throw InputError(fmt::format("{}: character {} of its runs is none of COCO's ('0' to 'o')", where, i));
    value |= static_cast<std::int64_t>(code % continues) << (bits * characters++);
    if (code >= continues) {
      if (characters == most_characters)
        throw InputError(fmt::format("{}: run {} of its text does not end", where, counts.size()));
      continue;
    }
    if ((code & negative) != 0) value -= std::int64_t{1} << (bits * characters);
    if (counts.size() > 2) value += counts[counts.size() - 2];
    counts.push_back(value);
    value = 0;
    characters = 0;
  }
  if (characters > 0) throw InputError(fmt::format("{}: run {} of its text does not end", where, counts.size()));
  return run_lengths_from(counts, width, height, where);
}

std::string text_of(const RunLengths& mask) {
  std::string text;
  for (std::size_t i = 0; i < mask.counts.size(); ++i) {
    std::int64_t value = mask.counts[i];
    if (i > 2) value -= mask.counts[i - 2];
    for (bool more = true; more;) {
      const auto low = static_cast<int>(value & (continues - 1));
      value >>= bits;
      more = value != ((low & negative) != 0 ? -1 : 0);
      text += static_cast<char>(lowest_character + low + (more ? continues : 0));
    }
  }
  return text;
}

Image image_of(const RunLengths& mask, std::uint8_t foreground) {
  check_sum(mask);
  Image image(mask.width, mask.height, 1);
  std::int64_t at = 0;
  for (std::size_t i = 0; i < mask.counts.size(); ++i) {
    const std::int64_t end = at + mask.counts[i];
    if (i % 2 == 0) at = end;
    for (; at < end; ++at)
      *image.at(static_cast<int>(at / mask.height), static_cast<int>(at % mask.height)) = foreground;
  }
  return image;
}

std::int64_t area_of(const RunLengths& mask) {
  std::int64_t area = 0;
  for (std::size_t i = 1; i < mask.counts.size(); i += 2) area += mask.counts[i];
  return area;
}

Box box_of(const RunLengths& mask) {
  Box box{mask.width, mask.height, 0, 0};
  std::int64_t at = 0;
  for (std::size_t i = 0; i < mask.counts.size(); ++i) {
    const std::int64_t begin = at;
    at += mask.counts[i];
    if (i % 2 == 0 || at == begin) continue;
    const std::int64_t last = at - 1;
    const auto first_column = static_cast<int>(begin / mask.height), last_column = static_cast<int>(last / mask.height);
    // A run over the end of a column holds its lowest pixel and the highest of the next.
    const bool whole = first_column != last_column;
    box.x0 = std::min(box.x0, first_column);
    box.x1 = std::max(box.x1, last_column + 1);
    box.y0 = std::min(box.y0, whole ? 0 : static_cast<int>(begin % mask.height));
    box.y1 = std::max(box.y1, whole ? mask.height : static_cast<int>(last % mask.height) + 1);
  }
  return box.x1 == 0 ? Box{} : box;
}

RunLengths merged(std::span<const RunLengths> masks, MaskMerge merge) {
  if (masks.empty()) throw Error("no masks to merge");
  RunLengths out = masks[0];
  check_sum(out);
  for (const RunLengths& mask : masks.subspan(1)) {
    check_same_size(out, mask);
    check_sum(mask);
    out = merged_pair(out, mask, merge);
  }
  return out;
}

double overlap(const RunLengths& mask, const RunLengths& truth, bool truth_is_crowd) {
  check_same_size(mask, truth);
  check_sum(mask);
  check_sum(truth);
  std::int64_t common = 0;
  Walk left(mask), right(truth);
  for (std::uint64_t left_over = pixels_of(mask.width, mask.height); left_over > 0;) {
    const std::uint32_t step = std::min(left.left(), right.left());
    left_over -= step;
    if (left.foreground() && right.foreground()) common += step;
    left.advance(step);
    right.advance(step);
  }
  if (common == 0) return 0.0;
  const std::int64_t whole = truth_is_crowd ? area_of(mask) : area_of(mask) + area_of(truth) - common;
  return static_cast<double>(common) / static_cast<double>(whole);
}

}  // namespace assay
