#include "metrics/masks/context_measure.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

namespace assay {
namespace {

constexpr double epsilon = std::numeric_limits<double>::epsilon();
constexpr double alpha = 6.0;
/// Windows of at least so many pixels go through Fourier transforms in double there.
constexpr int direct_pixels = 130;
constexpr std::size_t block = 32;  // neighbouring pixels whose sums are kept in registers

/// Covariance of rows and columns, divided by n - 1.
struct Shape {
  double rows, both, columns;
};

Shape shape_of(const Foreground& foreground, int width, int height) {
  const auto n = static_cast<double>(foreground.size);
  const double x_mean = static_cast<double>(foreground.sum_x) / n, y_mean = static_cast<double>(foreground.sum_y) / n;
  Shape sum{0.0, 0.0, 0.0};
  for (int y = 0; y < height; ++y) {
    const std::uint8_t* row = foreground.mask.data() + std::ptrdiff_t{y} * width;
    double pixels = 0.0, along = 0.0, square = 0.0;
    for (int x = 0; x < width; ++x) {
      if (row[x] == 0) continue;
      const double dx = static_cast<double>(x) - x_mean;
      pixels += 1.0;
      along += dx;
      square += dx * dx;
    }
    const double dy = static_cast<double>(y) - y_mean;
    sum.rows += pixels * dy * dy;
    sum.both += dy * along;
    sum.columns += square;
  }
  return {sum.rows / (n - 1.0), sum.both / (n - 1.0), sum.columns / (n - 1.0)};
}

struct Window {
  int rows, columns;  // beside the middle
  std::vector<double> weights;
};

/// Nothing where the covariance has no inverse.
std::optional<Window> window_of(const Foreground& foreground, int width, int height) {
  Shape shape{0.25, 0.0, 0.25};
  int rows = 1, columns = 1;
  if (foreground.size > 1) {
    shape = shape_of(foreground, width, height);
    if (shape.rows == 0.0) shape.rows = epsilon;
    if (shape.columns == 0.0) shape.columns = epsilon;
    if (shape.both * shape.both >= (1.0 - 1e-12) * shape.rows * shape.columns) return std::nullopt;
    const double total = shape.rows + shape.columns;
    rows = static_cast<int>(std::nearbyint(3.0 * alpha * std::sqrt(shape.rows / total)));
    columns = static_cast<int>(std::nearbyint(3.0 * alpha * std::sqrt(shape.columns / total)));
    const double scale = alpha * alpha / total;
    shape = {shape.rows * scale, shape.both * scale, shape.columns * scale};
  }
  const double determinant = shape.rows * shape.columns - shape.both * shape.both;
  Window window{rows, columns, {}};
  window.weights.reserve(static_cast<std::size_t>((2 * rows + 1) * (2 * columns + 1)));
  double sum = 0.0;
  for (int i = -rows; i <= rows; ++i)
    for (int j = -columns; j <= columns; ++j) {
      const auto y = static_cast<double>(i), x = static_cast<double>(j);
      window.weights.push_back(
          std::exp(-0.5 * (y * y * shape.columns - 2.0 * x * y * shape.both + x * x * shape.rows) / determinant));
      sum += window.weights.back();
    }
  for (double& weight : window.weights) weight /= sum;
  return window;
}

/// Where a place outside [0, size) lies after mirroring about the first and the last pixel, as often as it takes.
int mirrored(int place, int size) {
  if (size == 1) return 0;
  while (place < 0 || place >= size) place = place < 0 ? -place : 2 * (size - 1) - place;
  return place;
}

/// An image with mirrored margins of `rows` and `columns`, and room for a block behind each row.
template <class T>
struct Framed {
  std::vector<T> values;
  std::size_t stride;

  template <class At>
  Framed(int width, int height, const Window& window, const At& at)
      : stride((static_cast<std::size_t>(width + 2 * window.columns) + 2 * block) / block * block) {
    values.assign(stride * static_cast<std::size_t>(height + 2 * window.rows), T(0));
    std::vector<int> from(static_cast<std::size_t>(width + 2 * window.columns));
    for (std::size_t x = 0; x < from.size(); ++x) from[x] = mirrored(static_cast<int>(x) - window.columns, width);
    for (int y = 0; y < height + 2 * window.rows; ++y) {
      const std::ptrdiff_t row = std::ptrdiff_t{mirrored(y - window.rows, height)} * width;
      T* to = values.data() + static_cast<std::size_t>(y) * stride;
      for (std::size_t x = 0; x < from.size(); ++x) to[x] = at(static_cast<std::size_t>(row + from[x]));
    }
  }
};

/// sums[l] = sum of weight times the image under the window whose middle is pixel x + l of row y.
template <class T>
void filter_block(const Framed<T>& image, const Window& window, const std::vector<T>& weights, int y, std::size_t x,
                  std::array<T, block>& sums) {
  sums.fill(T(0));
  const T* weight = weights.data();
  for (int i = 0; i <= 2 * window.rows; ++i) {
    const T* row = image.values.data() + static_cast<std::size_t>(y + i) * image.stride + x;
    for (int j = 0; j <= 2 * window.columns; ++j, ++row, ++weight)
      for (std::size_t l = 0; l < block; ++l) sums[l] += *weight * row[l];
  }
}

/// Calls add(place, sum) for the pixels of the image whose block of neighbours holds a pixel that is `wanted`.
template <class T, class Wanted, class Add>
void filter(const Framed<T>& image, const Window& window, const std::vector<T>& weights, int width, int height,
            const Wanted& wanted, const Add& add) {
  std::array<T, block> sums;
  for (int y = 0; y < height; ++y) {
    const std::size_t row = static_cast<std::size_t>(y) * static_cast<std::size_t>(width);
    for (std::size_t x = 0; x < static_cast<std::size_t>(width); x += block) {
      const std::size_t count = std::min(block, static_cast<std::size_t>(width) - x);
      bool any = false;
      for (std::size_t l = 0; l < count; ++l) any |= wanted(row + x + l);
      if (!any) continue;
      filter_block(image, window, weights, y, x, sums);
      for (std::size_t l = 0; l < count; ++l) add(row + x + l, sums[l]);
    }
  }
}

}  // namespace

double context_measure(const MaskPair& pair, const Foreground& foreground, const std::array<double, 256>& level) {
  const std::optional<Window> window = window_of(foreground, pair.width, pair.height);
  if (!window) return std::numeric_limits<double>::quiet_NaN();
  const auto pixels = foreground.mask.size();
  const auto predicted = [&](std::size_t i) { return level[pair.prediction[i]]; };
  const auto in_mask = [&](std::size_t i) { return foreground.mask[i] != 0; };

  double all = 0.0, relevant = 0.0;
  for (std::size_t i = 0; i < pixels; ++i) all += predicted(i);
  const auto add_relevance = [&](std::size_t i, auto mask_about) {
    relevant += static_cast<double>(static_cast<float>(mask_about)) * predicted(i);
  };
  const auto is_predicted = [&](std::size_t i) { return predicted(i) > 0.0; };
  const std::vector<float> rounded(window->weights.begin(), window->weights.end());
  if (rounded.size() < direct_pixels) {
    const Framed<float> mask(pair.width, pair.height, *window, [&](std::size_t i) { return in_mask(i) ? 1.0f : 0.0f; });
    filter(mask, *window, rounded, pair.width, pair.height, is_predicted, add_relevance);
  } else {
    const Framed<double> mask(pair.width, pair.height, *window, [&](std::size_t i) { return in_mask(i) ? 1.0 : 0.0; });
    filter(mask, *window, {rounded.begin(), rounded.end()}, pair.width, pair.height, is_predicted, add_relevance);
  }
  const double forward = relevant / (all + epsilon);

  static const double scale = std::exp(1.0) / (std::exp(1.0) - 1.0);
  double complete = 0.0;
  const Framed<double> map(pair.width, pair.height, *window, predicted);
  filter(map, *window, window->weights, pair.width, pair.height, in_mask, [&](std::size_t i, double map_about) {
    if (in_mask(i)) complete += scale * (1.0 - std::exp(-map_about));
  });
  const double reverse = complete / (static_cast<double>(foreground.size) + epsilon);
  return 2.0 * forward * reverse / (forward + reverse + epsilon);
}

}  // namespace assay
