#include "metrics/features/resize_bilinear.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace assay {
namespace {

/// The two source places of an output place and the weight of the second.
struct Pair {
  std::size_t low, high;
  float weight;
};

// Float arithmetic in the order of the original, for its bits.
std::vector<Pair> tensorflow1_pairs(int in, int out) {
  const auto scale = static_cast<float>(static_cast<double>(in) / out);
  std::vector<Pair> pairs(static_cast<std::size_t>(out));
  for (int i = 0; i < out; ++i) {
    const float source = static_cast<float>(i) * scale;
    // Rounding of the scale may put the last place one past the end of a large image.
    const int low = std::min(static_cast<int>(source), in - 1);
    pairs[static_cast<std::size_t>(i)] = {static_cast<std::size_t>(low),
                                          static_cast<std::size_t>(std::min(low + 1, in - 1)),
                                          source - static_cast<float>(low)};
  }
  return pairs;
}

std::vector<Pair> half_pixel_pairs(int in, int out) {
  const float scale = static_cast<float>(in) / static_cast<float>(out);
  std::vector<Pair> pairs(static_cast<std::size_t>(out));
  for (int i = 0; i < out; ++i) {
    // Fused, as PyTorch's compiler does: in a large image a second rounding shows in the third decimal.
    const float source = std::max(std::fma(scale, static_cast<float>(i) + 0.5f, -0.5f), 0.0f);
    const int low = std::min(static_cast<int>(source), in - 1);
    pairs[static_cast<std::size_t>(i)] = {static_cast<std::size_t>(low),
                                          static_cast<std::size_t>(std::min(low + 1, in - 1)),
                                          std::clamp(source - static_cast<float>(low), 0.0f, 1.0f)};
  }
  return pairs;
}

template <class Mix>
void resize(const RgbPixels& image, std::span<float> out, const std::vector<Pair>& columns,
            const std::vector<Pair>& rows, Mix mix) {
  const std::size_t stride = 3 * static_cast<std::size_t>(image.width);
  float* to = out.data();
  for (const Pair& row : rows) {
    const std::uint8_t *upper = image.data + row.low * stride, *lower = image.data + row.high * stride;
    for (const Pair& column : columns)
      for (std::size_t c = 0; c < 3; ++c) {
        const auto at = [&](const std::uint8_t* line, std::size_t x) { return static_cast<float>(line[3 * x + c]); };
        const float top = mix(at(upper, column.low), at(upper, column.high), column.weight);
        const float bottom = mix(at(lower, column.low), at(lower, column.high), column.weight);
        *to++ = mix(top, bottom, row.weight);
      }
  }
}

}  // namespace

void resize_tensorflow1(const RgbPixels& image, int side, std::span<float> out) {
  resize(image, out, tensorflow1_pairs(image.width, side), tensorflow1_pairs(image.height, side),
         [](float a, float b, float weight) { return a + (b - a) * weight; });
}

void resize_half_pixel(const RgbPixels& image, int side, std::span<float> out) {
  resize(image, out, half_pixel_pairs(image.width, side), half_pixel_pairs(image.height, side),
         [](float a, float b, float weight) { return (1.0f - weight) * a + weight * b; });
}

}  // namespace assay
