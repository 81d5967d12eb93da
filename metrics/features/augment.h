#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>

namespace assay {

/// Ranges of random image changes. Every image draws from its own stream.
struct Augmentation {
  double smallest_crop =
      1.0;  // side of the crop relative to the image, uniform in [smallest_crop, largest_crop], any place inside
  double largest_crop = 1.0;
  double shift = 0.0;            // further shift of the crop as a share of the side, uniform in [-shift, shift]
  bool flip = false;             // left-right with probability 1/2
  double brightness = 0.0;       // added, uniform in [-b, b], images being in [-1, 1]
  double contrast = 0.0;         // factor exp(u), u uniform in [-c, c]
  double colour = 0.0;           // every channel's own factor exp(u) and offset u/2, u uniform in [-colour, colour]
  double grey = 0.0;             // probability of losing all colour
  double channel_shuffle = 0.0;  // probability of a random order of the channels: changes hue, keeps shape
};

/// Changed copies of `images` [B, 3, H, W] in [-1, 1], bilinear, borders repeated. Image i draws from
/// RandomStream(seed, augment, first_item + i).
at::Tensor augment(const at::Tensor& images, const Augmentation& ranges, std::uint64_t seed, std::uint64_t first_item);

}  // namespace assay
