#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace assay {

/// Exact Euclidean distance to the nearest foreground pixel and which one it is, in linear time: nearest in each column
/// first, then the lower envelope of parabolas along each row (Maurer, Qi, Raghavan, PAMI 2003).
/// Among equally near pixels it takes the one that scipy.ndimage.distance_transform_edt takes: in a column the upper
/// one; along a row the left one of two neighbours on the envelope.
class DistanceTransform {
 public:
  /// One row, `width` values each: squared distance, and the place (row * width + column) of the nearest foreground
  /// pixel.
  struct Row {
    std::span<const std::int64_t> squared, nearest;
  };

  /// `foreground` holds width * height bytes, 0 or 1. Calls visit(y, row) for y = 0 ... height - 1; the spans are valid
  /// during the call. Nothing is visited without foreground.
  void run(const std::uint8_t* foreground, int width, int height, const std::function<void(int, const Row&)>& visit);

 private:
  void nearest_in_columns(const std::uint8_t* foreground, int width, int height);

  std::vector<std::int32_t> nearest_row_;  // of each pixel, in its column; -1 where the column has none
  std::vector<std::int32_t> below_, columns_;
  // A parabola of the envelope: where it stands, how high, and the pixel it stands for.
  struct Parabola {
    std::int64_t x, lift, place;
  };
  std::vector<Parabola> envelope_;
  std::vector<std::int64_t> squared_, place_;
};

}  // namespace assay
