#include "images/area_resize.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "core/error.h"

namespace assay {
namespace {

/// How much of each old pixel a new pixel covers along one axis, in units of 1/to of an old pixel: weights sum to
/// `from`.
struct Span {
  int first = 0;
  std::vector<std::int64_t> weights;
};

std::vector<Span> spans(int from, int to) {
  std::vector<Span> result(static_cast<std::size_t>(to));
  for (std::int64_t j = 0; j < to; ++j) {
    const std::int64_t begin = j * from, end = begin + from;
    Span& span = result[static_cast<std::size_t>(j)];
    span.first = static_cast<int>(begin / to);
    for (std::int64_t i = span.first; i * to < end; ++i)
      span.weights.push_back(std::min(end, (i + 1) * to) - std::max(begin, i * to));
  }
  return result;
}

std::uint8_t rounded(std::int64_t sum, std::int64_t weight) {
  return static_cast<std::uint8_t>((2 * sum + weight) / (2 * weight));
}

/// `image` has `channels` channels; a constant for the compiler to unroll over.
template <int channels>
void shrink(const Image& image, Image& out) {
  constexpr bool has_alpha = channels == 4;
  constexpr std::size_t colours = has_alpha ? 3 : channels;
  const std::vector<Span> columns = spans(image.width, out.width), rows = spans(image.height, out.height);
  const std::int64_t area = std::int64_t{image.width} * image.height;
  for (int y = 0; y < out.height; ++y) {
    const Span& row = rows[static_cast<std::size_t>(y)];
    for (int x = 0; x < out.width; ++x) {
      const Span& column = columns[static_cast<std::size_t>(x)];
      std::array<std::int64_t, colours> sum{};
      std::int64_t alpha_sum = 0;
      for (std::size_t v = 0; v < row.weights.size(); ++v) {
        const std::uint8_t* source = image.at(column.first, row.first + static_cast<int>(v));
        for (std::size_t u = 0; u < column.weights.size(); ++u, source += channels) {
          std::int64_t weight = row.weights[v] * column.weights[u];
          if constexpr (has_alpha) {
            if (source[3] == 0) continue;  // most of a cut-out
            weight *= source[3];
            alpha_sum += weight;
          }
          for (std::size_t c = 0; c < colours; ++c) sum[c] += weight * source[c];
        }
      }
      std::uint8_t* target = out.at(x, y);
      const std::int64_t weight = has_alpha ? alpha_sum : area;
      if (weight > 0)
        for (std::size_t c = 0; c < colours; ++c) target[c] = rounded(sum[c], weight);
      if constexpr (has_alpha) target[3] = rounded(alpha_sum, area);
    }
  }
}

}  // namespace

Image area_resize(const Image& image, int width, int height) {
  if (width < 1 || height < 1 || width > image.width || height > image.height)
    throw Error(fmt::format("area_resize: cannot shrink {} x {} to {} x {}", image.width, image.height, width, height));
  Image out(width, height, image.channels);
  if (image.channels == 1)
    shrink<1>(image, out);
  else if (image.channels == 3)
    shrink<3>(image, out);
  else if (image.channels == 4)
    shrink<4>(image, out);
  else
    throw Error(fmt::format("area_resize: {} channels; accepted: 1, 3 or 4", image.channels));
  return out;
}

}  // namespace assay
