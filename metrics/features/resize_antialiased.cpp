#include "metrics/features/resize_antialiased.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace assay {
namespace {

// Pillow works out weights and sums in double, PyTorch in float; `Real` is that type. A float centre is off by 1e-5
// pixels in a large image, which shows in the third decimal of a grey level.

template <class Real>
Real triangle(Real x) {
  return std::max(Real{1} - std::abs(x), Real{0});
}

/// Keys' cubic with a = -1/2.
template <class Real>
Real cubic(Real x) {
  constexpr Real a = Real{-0.5};
  x = std::abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

/// The source places [begin, begin + weights.size()) of one output place.
template <class Real>
struct Taps {
  std::size_t begin;
  std::vector<Real> weights;
};

template <class Real, class Filter>
std::vector<Taps<Real>> taps_of(int in, int out, Filter filter, Real radius) {
  const Real scale = static_cast<Real>(in) / static_cast<Real>(out);
  const Real widening = std::max(scale, Real{1});
  const Real support = radius * widening, inverse = Real{1} / widening;
  std::vector<Taps<Real>> all;
  all.reserve(static_cast<std::size_t>(out));
  for (int i = 0; i < out; ++i) {
    const Real centre = scale * (static_cast<Real>(i) + Real{0.5});
    const int begin = std::max(static_cast<int>(centre - support + Real{0.5}), 0);
    const int end = std::min(static_cast<int>(centre + support + Real{0.5}), in);
    Taps<Real> taps{static_cast<std::size_t>(begin), {}};
    taps.weights.reserve(static_cast<std::size_t>(end - begin));
    Real total = 0;
    for (int j = 0; j < end - begin; ++j) {
      taps.weights.push_back(filter((static_cast<Real>(j + begin) - centre + Real{0.5}) * inverse));
      total += taps.weights.back();
    }
    if (total != 0)
      for (Real& weight : taps.weights) weight /= total;
    all.push_back(std::move(taps));
  }
  return all;
}

/// Rows first, then columns, with floats in between, as both originals.
template <class Real>
void convolve(const RgbPixels& image, std::span<float> out, const std::vector<Taps<Real>>& columns,
              const std::vector<Taps<Real>>& rows) {
  const auto height = static_cast<std::size_t>(image.height), in_stride = 3 * static_cast<std::size_t>(image.width);
  const std::size_t stride = 3 * columns.size();
  std::vector<float> narrow(height * stride);
  for (std::size_t y = 0; y < height; ++y) {
    const std::uint8_t* line = image.data + y * in_stride;
    float* to = narrow.data() + y * stride;
    for (const Taps<Real>& taps : columns) {
      Real sum[3] = {0, 0, 0};
      const std::uint8_t* from = line + 3 * taps.begin;
      for (const Real weight : taps.weights)
        for (Real& channel : sum) channel += static_cast<Real>(*from++) * weight;
      for (const Real channel : sum) *to++ = static_cast<float>(channel);
    }
  }
  std::vector<Real> sums(stride);
  for (std::size_t y = 0; y < rows.size(); ++y) {
    std::fill(sums.begin(), sums.end(), Real{0});
    const float* from = narrow.data() + rows[y].begin * stride;
    for (const Real weight : rows[y].weights)
      for (Real& sum : sums) sum += static_cast<Real>(*from++) * weight;
    std::transform(sums.begin(), sums.end(), out.begin() + static_cast<std::ptrdiff_t>(y * stride),
                   [](Real sum) { return static_cast<float>(sum); });
  }
}

}  // namespace

void resize_pillow_bicubic(const RgbPixels& image, int side, std::span<float> out) {
  convolve(image, out, taps_of(image.width, side, cubic<double>, 2.0), taps_of(image.height, side, cubic<double>, 2.0));
  for (float& value : out) value = std::clamp(value, 0.0f, 255.0f);
}

void resize_antialiased_bilinear(const RgbPixels& image, int side, std::span<float> out) {
  convolve(image, out, taps_of(image.width, side, triangle<float>, 1.0f),
           taps_of(image.height, side, triangle<float>, 1.0f));
}

void resize_antialiased_bicubic(const RgbPixels& image, int side, std::span<float> out) {
  convolve(image, out, taps_of(image.width, side, cubic<float>, 2.0f), taps_of(image.height, side, cubic<float>, 2.0f));
}

}  // namespace assay
