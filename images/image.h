#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace assay {

/// 8-bit image, row-major, channels interleaved (HWC). 1 channel: a mask or grey; 3: RGB; 4: RGBA with straight
/// (not premultiplied) alpha. Values are as stored in files (sRGB-encoded); nothing here linearises them.
struct Image {
  int width = 0, height = 0, channels = 0;
  std::vector<std::uint8_t> pixels;

  Image() = default;
  /// All bytes are `value`.
  Image(int w, int h, int c, std::uint8_t value = 0)
      : width(w),
        height(h),
        channels(c),
        pixels(static_cast<std::size_t>(w) * static_cast<std::size_t>(h) * static_cast<std::size_t>(c), value) {}

  std::size_t offset(int x, int y) const {
    return (static_cast<std::size_t>(y) * static_cast<std::size_t>(width) + static_cast<std::size_t>(x)) *
           static_cast<std::size_t>(channels);
  }
  std::uint8_t* at(int x, int y) { return pixels.data() + offset(x, y); }
  const std::uint8_t* at(int x, int y) const { return pixels.data() + offset(x, y); }

  bool operator==(const Image&) const = default;
};

/// Half-open pixel ranges [x0, x1) x [y0, y1).
struct Box {
  int x0 = 0, y0 = 0, x1 = 0, y1 = 0;
  bool operator==(const Box&) const = default;
};

/// `over` (RGBA) on `under` (RGB) of the same size, as round(over * alpha + under * (1 - alpha)).
/// Throws Error when sizes or channels are others.
Image composite(const Image& over, const Image& under);

/// Channel `channel` as a 1-channel image.
Image take_channel(const Image& image, int channel);

/// The smallest box around mask values of at least 128; where there is none (a thin shape at a small size), around
/// values above 0; an empty box for an empty mask.
Box mask_box(const Image& mask);

}  // namespace assay
