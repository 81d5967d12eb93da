#include "images/image_array.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "core/error.h"

namespace assay {
namespace {

struct ImageShape {
  std::int64_t count, height, width, channels;
  bool channels_first;
};

bool can_be_channels(std::int64_t side) { return side >= 1 && side <= 4; }

/// Channels lie behind where they can: [3, 40, 3] is an image 3 pixels high.
std::optional<ImageShape> image_shape(const std::vector<std::int64_t>& shape) {
  // [H, W, 3] is one image in colour, not H grey ones of such a width; and with a side of 1 they are features.
  const bool grey = shape.size() == 3 && shape[1] > 1 && shape[2] > 1;
  const bool picture = grey && (shape[2] == 3 || shape[2] == 4) && shape[1] != shape[2];
  if (grey && !picture) return ImageShape{shape[0], shape[1], shape[2], 1, false};
  if (shape.size() != 4) return std::nullopt;
  const bool pixel = shape[2] == 1 && shape[3] == 1;
  if (pixel && !can_be_channels(shape[1])) return std::nullopt;  // features with sides of 1 behind them
  if (can_be_channels(shape[3])) return ImageShape{shape[0], shape[1], shape[2], shape[3], false};
  if (can_be_channels(shape[1])) return ImageShape{shape[0], shape[2], shape[3], shape[1], true};
  return std::nullopt;
}

}  // namespace

bool is_image_array(const ArrayHeader& header) {
  return header.type == DType::u8 && image_shape(header.shape).has_value();
}

ImageArray::ImageArray(const ArrayFile& file, const std::string& name) {
  const ArrayHeader& header = file.header(name);
  const std::optional<ImageShape> shape = image_shape(header.shape);
  constexpr std::int64_t longest = std::numeric_limits<int>::max();
  if (header.type != DType::u8 || !shape || header.numel() == 0 || shape->height > longest || shape->width > longest)
    throw InputError(fmt::format("{} holds {}; expected images, U8 [images, height, width, channels] of 0 to 255",
                                 file.where(name), header.description()));
  count_ = shape->count;
  height_ = static_cast<int>(shape->height);
  width_ = static_cast<int>(shape->width);
  channels_ = static_cast<int>(shape->channels);
  channels_first_ = shape->channels_first;
  stored_.resize(static_cast<std::size_t>(header.row_numel()));
  if (channels_first_)
    notes_.push_back(
        fmt::format("{}: channels come first, [{}, {}, {}, {}]", file.where(name), count_, channels_, height_, width_));
  if (channels_ == 2 || channels_ == 4) notes_.push_back(file.where(name) + ": alpha was dropped");
  stream_ = file.stream(name);
}

void ImageArray::read(std::span<std::uint8_t> rgb) {
  if (channels_ == 3 && !channels_first_) {
    stream_.read(std::as_writable_bytes(rgb));
    return;
  }
  stream_.read(std::as_writable_bytes(std::span(stored_)));
  const auto pixels = static_cast<std::size_t>(height_) * static_cast<std::size_t>(width_);
  const auto channels = static_cast<std::size_t>(channels_);
  const std::size_t step = channels_first_ ? 1 : channels, next = channels_first_ ? pixels : 1;
  const std::size_t green = channels >= 3 ? next : 0, blue = channels >= 3 ? 2 * next : 0;
  for (std::size_t i = 0; i < pixels; ++i) {
    const std::uint8_t* from = stored_.data() + i * step;
    rgb[3 * i] = from[0];
    rgb[3 * i + 1] = from[green];
    rgb[3 * i + 2] = from[blue];
  }
}

}  // namespace assay
