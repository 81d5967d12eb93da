#include "datasets/annotated/annotated_images.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "images/image_file.h"

namespace assay {

const AnnotatedImage& AnnotatedImages::item(std::int64_t index) const {
  if (index < 0 || index >= static_cast<std::int64_t>(items_.size()))
    throw Error(fmt::format("{}: item {} of {}", name_, index, items_.size()));
  return items_[static_cast<std::size_t>(index)];
}

Image AnnotatedImages::image(std::int64_t index) const {
  const AnnotatedImage& of = item(index);
  Image image = as_rgb(read_image_file(of.image));
  if (of.width > 0 && (image.width != of.width || image.height != of.height))
    throw InputError(fmt::format("{}: has {} x {} pixels, and its annotation says {} x {}", of.image.string(),
                                 image.width, image.height, of.width, of.height));
  return image;
}

Image AnnotatedImages::mask(std::int64_t index) const {
  const AnnotatedImage& of = item(index);
  switch (mask_kind_) {
    case MaskKind::foreground:
      return as_grey(read_image_file(of.mask));
    case MaskKind::objects:
    case MaskKind::classes:
      return read_label_map(of.mask);
    case MaskKind::none:
      break;
  }
  throw Error(fmt::format("{}: was opened without masks", name_));
}

Image binary_mask(const Image& mask, ForegroundRule rule) {
  if (mask.channels != 1) throw Error(fmt::format("a mask of {} channels", mask.channels));
  const int highest_background = rule == ForegroundRule::above_zero ? 0 : 128;
  Image binary = mask;
  for (std::uint8_t& pixel : binary.pixels) pixel = pixel > highest_background ? 1 : 0;
  return binary;
}

CountedBoxes counted_boxes(const AnnotatedImage& image, const BoxRule& rule) {
  CountedBoxes out;
  out.boxes.reserve(image.objects.size());
  for (const AnnotatedObject& object : image.objects) {
    const bool hard = object.difficult || object.truncated;
    out.hard += hard ? 1 : 0;
    out.crowds += object.crowd ? 1 : 0;
    if (object.crowd || (hard && rule.drop_hard)) continue;
    TrueBox box = object.box;
    if (rule.round) std::transform(box.begin(), box.end(), box.begin(), [](double x) { return std::nearbyint(x); });
    out.boxes.push_back(box);
  }
  return out;
}

}  // namespace assay
