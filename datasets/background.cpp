#include "datasets/background.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "core/error.h"
#include "core/nearest.h"

namespace assay {
namespace {

using Colour = std::array<double, 3>;

Colour muted_colour(RandomStream& random) {
  const double grey = 60.0 + 150.0 * random.uniform();
  Colour colour;
  for (double& channel : colour) channel = grey + (background_chroma - 6) * (random.uniform() - 0.5);
  return colour;
}

/// Noise on a lattice of `cells` squares, joined smoothly; values in [-1, 1].
class SmoothNoise {
 public:
  explicit SmoothNoise(RandomStream& random) {
    for (double& value : lattice_) value = 2.0 * random.uniform() - 1.0;
  }
  /// u, v in [0, 1].
  double operator()(double u, double v) const {
    const double x = u * cells, y = v * cells;
    const int i = std::min(static_cast<int>(x), cells - 1), j = std::min(static_cast<int>(y), cells - 1);
    const double s = ease(x - i), t = ease(y - j);
    return (1 - t) * ((1 - s) * value(i, j) + s * value(i + 1, j)) +
           t * ((1 - s) * value(i, j + 1) + s * value(i + 1, j + 1));
  }

 private:
  static constexpr int cells = 6;
  static double ease(double t) { return t * t * (3.0 - 2.0 * t); }
  double value(int i, int j) const { return lattice_[static_cast<std::size_t>(j * (cells + 1) + i)]; }
  std::array<double, static_cast<std::size_t>((cells + 1) * (cells + 1))> lattice_;
};

std::uint8_t to_byte(double value) { return static_cast<std::uint8_t>(std::lround(std::clamp(value, 0.0, 255.0))); }

}  // namespace

const std::vector<std::string>& background_names() {
  static const std::vector<std::string> names{"white", "solid", "texture"};
  return names;
}

Background parse_background(const std::string& name, const std::string& where) {
  const auto& names = background_names();
  const auto it = std::find(names.begin(), names.end(), name);
  if (it == names.end()) throw InputError(where + ": " + unknown_name_message("background", name, names));
  return static_cast<Background>(it - names.begin());
}

Image make_background(Background kind, int size, RandomStream& random) {
  Image image(size, size, 3, 255);
  if (kind == Background::white) return image;
  const Colour from = muted_colour(random);
  if (kind == Background::solid) {
    for (std::size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = to_byte(from[i % 3]);
    return image;
  }
  const Colour to = muted_colour(random);
  const double angle = 2.0 * std::numbers::pi * random.uniform();
  const double dx = std::cos(angle), dy = std::sin(angle), reach = std::abs(dx) + std::abs(dy);
  const SmoothNoise smooth(random);
  for (int y = 0; y < size; ++y) {
    for (int x = 0; x < size; ++x) {
      const double u = (x + 0.5) / size, v = (y + 0.5) / size;
      const double mix = 0.5 + ((u - 0.5) * dx + (v - 0.5) * dy) / reach;
      // One brightness change for all channels keeps the colour muted.
      const double noise = 22.0 * smooth(u, v) + 12.0 * (random.uniform() - 0.5);
      for (std::size_t c = 0; c < 3; ++c) image.at(x, y)[c] = to_byte((1 - mix) * from[c] + mix * to[c] + noise);
    }
  }
  return image;
}

}  // namespace assay
