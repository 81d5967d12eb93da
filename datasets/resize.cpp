#include "datasets/resize.h"

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

}  // namespace

Image area_resize(const Image& image, int width, int height) {
  if (width < 1 || height < 1 || width > image.width || height > image.height || image.channels < 1 ||
      image.channels > 4)
    throw Error(fmt::format("area_resize: cannot shrink {} x {} with {} channels to {} x {}", image.width, image.height,
                            image.channels, width, height));
  if (width == image.width && height == image.height && image.channels != 4) return image;
  const std::vector<Span> columns = spans(image.width, width), rows = spans(image.height, height);
  const std::int64_t area = std::int64_t{image.width} * image.height;
  const bool has_alpha = image.channels == 4;
  const int colours = has_alpha ? 3 : image.channels;

  Image out(width, height, image.channels);
  for (int y = 0; y < height; ++y) {
    const Span& row = rows[static_cast<std::size_t>(y)];
    for (int x = 0; x < width; ++x) {
      const Span& column = columns[static_cast<std::size_t>(x)];
      std::array<std::int64_t, 4> sum{};
      std::int64_t alpha_sum = 0;
      for (std::size_t v = 0; v < row.weights.size(); ++v) {
        const std::uint8_t* source = image.at(column.first, row.first + static_cast<int>(v));
        for (std::size_t u = 0; u < column.weights.size(); ++u, source += image.channels) {
          std::int64_t weight = row.weights[v] * column.weights[u];
          if (has_alpha) {
            weight *= source[3];
            alpha_sum += weight;
          }
          for (int c = 0; c < colours; ++c) sum[static_cast<std::size_t>(c)] += weight * source[c];
        }
      }
      std::uint8_t* target = out.at(x, y);
      const std::int64_t weight = has_alpha ? alpha_sum : area;
      if (weight > 0)
        for (int c = 0; c < colours; ++c) target[c] = rounded(sum[static_cast<std::size_t>(c)], weight);
      if (has_alpha) target[3] = rounded(alpha_sum, area);
    }
  }
  return out;
}

}  // namespace assay
