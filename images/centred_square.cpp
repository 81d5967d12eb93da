#include "images/centred_square.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"

namespace assay {
namespace {

bool transparent_columns(const Image& image, int begin, int end) {
  for (int y = 0; y < image.height; ++y)
    for (int x = begin; x < end; ++x)
      if (image.at(x, y)[3] != 0) return false;
  return true;
}

bool transparent_rows(const Image& image, int begin, int end) {
  for (int y = begin; y < end; ++y)
    for (int x = 0; x < image.width; ++x)
      if (image.at(x, y)[3] != 0) return false;
  return true;
}

}  // namespace

Image centred_square(Image image) {
  if (image.channels != 4 || image.width < 1 || image.height < 1)
    throw Error(fmt::format("centred_square: {} x {} pixels with {} channels; accepted: at least one, with 4",
                            image.width, image.height, image.channels));
  if (image.width == image.height) return image;
  const int shorter = std::min(image.width, image.height), longer = std::max(image.width, image.height);
  const int left = (image.width - shorter) / 2, top = (image.height - shorter) / 2;
  const bool can_cut = transparent_columns(image, 0, left) && transparent_columns(image, left + shorter, image.width) &&
                       transparent_rows(image, 0, top) && transparent_rows(image, top + shorter, image.height);
  const int side = can_cut ? shorter : longer;
  // Both may be negative: the source then begins inside the square.
  const int dx = (image.width - side) / 2, dy = (image.height - side) / 2;
  Image out(side, side, 4);
  for (int y = std::max(0, -dy); y < std::min(side, image.height - dy); ++y)
    for (int x = std::max(0, -dx); x < std::min(side, image.width - dx); ++x)
      std::copy_n(image.at(x + dx, y + dy), 4, out.at(x, y));
  return out;
}

}  // namespace assay
