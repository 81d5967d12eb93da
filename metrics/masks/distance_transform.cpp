#include "metrics/masks/distance_transform.h"

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

  envelope_.resize(w + 1);
  squared_.resize(w);
  place_.resize(w);
  for (int y = 0; y < height; ++y) {
    const std::int32_t* nearest = nearest_row_.data() + static_cast<std::size_t>(y) * w;
    // The envelope keeps a parabola unless its neighbours hide it everywhere; one that only touches stays.
    std::size_t size = 0;
    for (const std::int32_t x : columns_) {
      const std::int64_t row = nearest[x], d = row - y, lift = d * d;
      while (size >= 2) {
        const Parabola &middle = envelope_[size - 1], &left = envelope_[size - 2];
        const std::int64_t a = middle.x - left.x, b = x - middle.x, c = a + b;
        if (c * middle.lift - b * left.lift - a * lift - a * b * c <= 0) break;
        --size;
      }
      envelope_[size++] = {x, lift, row * width + x};
    }
    envelope_[size] = {0, std::int64_t{1} << 62, 0};  // never the lowest
    // From left to right, on to the next parabola while it is strictly lower.
    const Parabola* at = envelope_.data();
    for (std::int64_t x = 0; x < width; ++x) {
      const auto height_at = [x](const Parabola& one) { return (one.x - x) * (one.x - x) + one.lift; };
      std::int64_t best = height_at(*at);
      for (std::int64_t next = height_at(at[1]); next < best; next = height_at(at[1])) {
        best = next;
        ++at;
      }
      squared_[static_cast<std::size_t>(x)] = best;
      place_[static_cast<std::size_t>(x)] = at->place;
    }
    visit(y, {squared_, place_});
  }
}

}  // namespace assay
