#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace assay {

/// xmin, ymin, xmax, ymax in pixels, the ends outside the box.
using PixelBox = std::array<std::int64_t, 4>;

/// The patches of one image, numbered row by row. The image, of `height` x `width` pixels, is padded on the right and
/// below until they cover it.
struct ImagePatches {
  std::int64_t rows = 0, columns = 0;
  std::int64_t patch = 16;  // pixels a side
  std::int64_t height = 0, width = 0;

  std::int64_t count() const { return rows * columns; }
};

/// The smallest multiple of `patch` that is at least `pixels`.
std::int64_t padded_size(std::int64_t pixels, std::int64_t patch);

/// Throws InputError, a line that begins with `method`, where a size is below 1, the grid is not the padded image's,
/// there are other than rows * columns * dimension numbers, or one of them is not finite.
void check_patches(const char* method, std::span<const float> features, std::int64_t dimension,
                   const ImagePatches& grid);

/// 1 in the patches that are joined to `start` by marked ones that share an edge, and in `start`, marked or not; 0
/// elsewhere.
std::vector<std::uint8_t> component_of(std::span<const std::uint8_t> marks, std::int64_t columns, std::int64_t start);

/// The extent of the marked patches times the side of a patch, clipped to the image. There must be one.
PixelBox box_around(std::span<const std::uint8_t> marks, const ImagePatches& grid);

}  // namespace assay
