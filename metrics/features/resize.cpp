#include "metrics/features/resize.h"

#include <fmt/format.h>

#include "core/error.h"
#include "metrics/features/resize_antialiased.h"
#include "metrics/features/resize_bilinear.h"

namespace assay {

std::string_view name_of(Resize resize) {
  switch (resize) {
    case Resize::tensorflow1:
      return "tensorflow1";
    case Resize::half_pixel:
      return "half_pixel";
    case Resize::pillow_bicubic:
      return "pillow_bicubic";
    case Resize::antialiased_bilinear:
      return "antialiased_bilinear";
    case Resize::antialiased_bicubic:
      return "antialiased_bicubic";
  }
  throw Error("unknown resize");
}

void resize_to_square(const RgbPixels& image, int side, Resize resize, std::span<float> out) {
  if (image.width < 1 || image.height < 1)
    throw InputError(fmt::format("an image of {} x {} pixels cannot be resized", image.width, image.height));
  if (side < 1 || out.size() != 3 * static_cast<std::size_t>(side) * static_cast<std::size_t>(side))
    throw Error(fmt::format("resize_to_square: {} floats for a side of {}", out.size(), side));
  switch (resize) {
    case Resize::tensorflow1:
      return resize_tensorflow1(image, side, out);
    case Resize::half_pixel:
      return resize_half_pixel(image, side, out);
    case Resize::pillow_bicubic:
      return resize_pillow_bicubic(image, side, out);
    case Resize::antialiased_bilinear:
      return resize_antialiased_bilinear(image, side, out);
    case Resize::antialiased_bicubic:
      return resize_antialiased_bicubic(image, side, out);
  }
}

}  // namespace assay
