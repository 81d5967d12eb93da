#include "metrics/saliency/distance_transform.h"

#include <algorithm>

namespace assay {

void DistanceTransform::nearest_in_columns(const std::uint8_t* foreground, int width, int height) {
  const auto w = static_cast<std::size_t>(width), h = static_cast<std::size_t>(height);
  nearest_row_.resize(w * h);
  // Downwards: the last foreground row at or above; -1 for none.
  for (std::size_t y = 0; y < h; ++y) {
    std::int32_t* now = nearest_row_.data() + y * w;
    const std::uint8_t* in = foreground + y * w;
    const auto here = static_cast<std::int32_t>(y);
    if (y == 0) {
      for (std::size_t x = 0; x < w; ++x) now[x] = in[x] != 0 ? here : -1;
    } else {
      const std::int32_t* above = now - w;
      for (std::size_t x = 0; x < w; ++x) now[x] = in[x] != 0 ? here : above[x];
    }
  }
  // Upwards: the one below, where it is strictly nearer.
  below_.assign(w, -1);
  for (std::size_t y = h; y-- > 0;) {
    std::int32_t* now = nearest_row_.data() + y * w;
    const std::uint8_t* in = foreground + y * w;
    const auto here = static_cast<std::int32_t>(y);
    for (std::size_t x = 0; x < w; ++x) {
      const std::int32_t below = in[x] != 0 ? here : below_[x];
      below_[x] = below;
      const bool take = below >= 0 && (now[x] < 0 || below - here < here - now[x]);
      now[x] = take ? below : now[x];
    }
  }
}

void DistanceTransform::run(const std::uint8_t* foreground, int width, int height,
                            const std::function<void(int, const Row&)>& visit) {
  const auto w = static_cast<std::size_t>(width);
  nearest_in_columns(foreground, width, height);
  columns_.clear();
  for (int x = 0; x < width; ++x)
    if (nearest_row_[static_cast<std::size_t>(x)] >= 0) columns_.push_back(x);
  if (columns_.empty()) return;

  stack_.resize(w);
  row_.resize(w);
  column_.resize(w);
  lift_.resize(w);
  squared_.resize(w);
  for (int y = 0; y < height; ++y) {
    const std::int32_t* nearest = nearest_row_.data() + static_cast<std::size_t>(y) * w;
    for (std::size_t x = 0; x < w; ++x) {
      const std::int64_t d = nearest[x] - y;
      lift_[x] = d * d;
    }
    // The envelope keeps a parabola unless its neighbours hide it everywhere; one that only touches stays.
    std::size_t size = 0;
    for (const std::int32_t x : columns_) {
      const std::int64_t lift = lift_[static_cast<std::size_t>(x)];
      while (size >= 2) {
        const std::int32_t middle = stack_[size - 1], left = stack_[size - 2];
        const std::int64_t a = middle - left, b = x - middle, c = a + b;
        const std::int64_t excess = c * lift_[static_cast<std::size_t>(middle)] -
                                    b * lift_[static_cast<std::size_t>(left)] - a * lift - a * b * c;
        if (excess <= 0) break;
        --size;
      }
      stack_[size++] = x;
    }
    // From left to right, on to the next parabola while it is strictly lower.
    std::size_t at = 0;
    for (int x = 0; x < width; ++x) {
      const auto distance = [&](std::size_t entry) {
        const std::int64_t d = stack_[entry] - x;
        return d * d + lift_[static_cast<std::size_t>(stack_[entry])];
      };
      std::int64_t best = distance(at);
      while (at + 1 < size) {
        const std::int64_t next = distance(at + 1);
        if (best <= next) break;
        best = next;
        ++at;
      }
      const auto i = static_cast<std::size_t>(x);
      squared_[i] = best;
      column_[i] = stack_[at];
      row_[i] = nearest[stack_[at]];
    }
    visit(y, {squared_, row_, column_});
  }
}

}  // namespace assay
