#include "tests/reports/sample_pictures.h"

#include <png.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "core/philox.h"

namespace assay::test {
namespace {

constexpr unsigned char one_pixel[] = {
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48, 0x44, 0x52, 0x00, 0x00,
    0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x02, 0x00, 0x00, 0x00, 0x90, 0x77, 0x53, 0xde, 0x00, 0x00, 0x00,
    0x0f, 0x49, 0x44, 0x41, 0x54, 0x78, 0x01, 0x01, 0x04, 0x00, 0xfb, 0xff, 0x00, 0xc8, 0xc8, 0xc8, 0x04, 0xb4,
    0x02, 0x59, 0xa3, 0xdf, 0xff, 0x4c, 0x00, 0x00, 0x00, 0x00, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82};

}  // namespace

PixelImage picture_grid(int rows, int columns, double noise, std::uint64_t seed) {
  constexpr int side = 16;
  PixelImage image;
  image.width = columns * side;
  image.height = rows * side;
  image.pixels.resize(static_cast<std::size_t>(image.width) * image.height * 3);
  for (int cell = 0; cell < rows * columns; ++cell) {
    RandomStream random(seed, Purpose::dataset, static_cast<std::uint64_t>(cell));
    const auto shape = random.below(3);
    double front[3], back[3];
    for (int c = 0; c < 3; ++c) front[c] = 90 + 165 * random.uniform(), back[c] = 120 * random.uniform();
    const double radius = 4 + 3 * random.uniform();
    for (int y = 0; y < side; ++y)
      for (int x = 0; x < side; ++x) {
        const double dx = x - 7.5, dy = y - 7.5, r = std::hypot(dx, dy);
        const bool inside = shape == 0   ? r < radius
                            : shape == 1 ? std::max(std::abs(dx), std::abs(dy)) < radius
                                         : r < radius && r > radius - 2.5;
        const int column = cell % columns * side + x, row = cell / columns * side + y;
        for (int c = 0; c < 3; ++c) {
          const double value = (inside ? front[c] : back[c]) + noise * random.normal();
          image.pixels[(static_cast<std::size_t>(row) * image.width + column) * 3 + c] =
              static_cast<std::uint8_t>(std::clamp(value, 0.0, 255.0));
        }
      }
  }
  return image;
}

std::string_view one_pixel_png() { return {reinterpret_cast<const char*>(one_pixel), sizeof one_pixel}; }

void write_png(const PixelImage& image, const std::filesystem::path& file) {
  std::filesystem::create_directories(file.parent_path());
  png_image header{};
  header.version = PNG_IMAGE_VERSION;
  header.width = static_cast<png_uint_32>(image.width);
  header.height = static_cast<png_uint_32>(image.height);
  header.format = PNG_FORMAT_RGB;
  if (png_image_write_to_file(&header, file.c_str(), 0, image.pixels.data(), 0, nullptr) == 0)
    throw std::runtime_error(file.string() + ": " + header.message);
}

PixelImage read_png(const std::filesystem::path& file) {
  png_image header{};
  header.version = PNG_IMAGE_VERSION;
  if (png_image_begin_read_from_file(&header, file.c_str()) == 0)
    throw std::runtime_error(file.string() + ": " + header.message);
  header.format = PNG_FORMAT_RGB;
  PixelImage image;
  image.width = static_cast<int>(header.width);
  image.height = static_cast<int>(header.height);
  image.pixels.resize(PNG_IMAGE_SIZE(header));
  if (png_image_finish_read(&header, nullptr, image.pixels.data(), 0, nullptr) == 0)
    throw std::runtime_error(file.string() + ": " + header.message);
  return image;
}

}  // namespace assay::test
