#include "images/image.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"

namespace assay {
namespace {

Box box_above(const Image& mask, int threshold) {
  Box box{mask.width, mask.height, 0, 0};
  for (int y = 0; y < mask.height; ++y) {
    for (int x = 0; x < mask.width; ++x) {
      if (*mask.at(x, y) < threshold) continue;
      box = {std::min(box.x0, x), std::min(box.y0, y), std::max(box.x1, x + 1), std::max(box.y1, y + 1)};
    }
  }
  return box.x1 > 0 ? box : Box{};
}

}  // namespace

Image composite(const Image& over, const Image& under) {
  if (over.channels != 4 || under.channels != 3 || over.width != under.width || over.height != under.height)
    throw Error(fmt::format("composite: RGBA over RGB of one size expected, got {}x{}x{} over {}x{}x{}", over.width,
                            over.height, over.channels, under.width, under.height, under.channels));
  Image out = under;
  const std::uint8_t* source = over.pixels.data();
  for (std::size_t i = 0; i < out.pixels.size(); i += 3, source += 4) {
    const int alpha = source[3];
    for (std::size_t c = 0; c < 3; ++c)
      out.pixels[i + c] =
          static_cast<std::uint8_t>((source[c] * alpha + out.pixels[i + c] * (255 - alpha) + 127) / 255);
  }
  return out;
}

Image take_channel(const Image& image, int channel) {
  if (channel < 0 || channel >= image.channels)
    throw Error(fmt::format("take_channel: channel {} of {}", channel, image.channels));
  Image out(image.width, image.height, 1);
  for (std::size_t i = 0; i < out.pixels.size(); ++i)
    out.pixels[i] = image.pixels[i * static_cast<std::size_t>(image.channels) + static_cast<std::size_t>(channel)];
  return out;
}

Box mask_box(const Image& mask) {
  if (mask.channels != 1) throw Error(fmt::format("mask_box: 1 channel expected, got {}", mask.channels));
  const Box box = box_above(mask, 128);
  return box == Box{} ? box_above(mask, 1) : box;
}

}  // namespace assay
