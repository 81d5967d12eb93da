#pragma once
#include <cstdint>
#include <filesystem>
#include <string_view>
#include <vector>

namespace assay::test {

/// Red, green, blue, row by row.
struct PixelImage {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> pixels;
};

void write_png(const PixelImage& image, const std::filesystem::path& file);
/// Any PNG as 8-bit RGB.
PixelImage read_png(const std::filesystem::path& file);

/// A grid of small pictures: each a disc, square or ring on a background, under noise.
PixelImage picture_grid(int rows, int columns, double noise, std::uint64_t seed);

/// The file of one grey pixel, not compressed: the same bytes whatever the version of zlib.
std::string_view one_pixel_png();

}  // namespace assay::test
