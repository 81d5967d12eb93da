#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "images/image.h"

namespace assay {

/// Which pixels touch. Libraries differ in their default: SciPy takes four, scikit-image, OpenCV and cc3d take eight.
enum class Connectivity { four, eight };

/// Foreground pixels that touch each other.
struct Component {
  Box box;                           // the smallest around them, ends outside
  std::int64_t area = 0;             // how many
  std::vector<std::int64_t> pixels;  // their places, row * width + column, ascending
};

/// The component of most pixels of a mask of width * height bytes, foreground where not 0; of several, the one whose
/// first pixel comes first row by row. Nothing for an empty mask. Linear in the number of pixels.
std::optional<Component> largest_component(const std::uint8_t* mask, int width, int height,
                                           Connectivity connectivity = Connectivity::four);

/// The number of each pixel's component, from 1 in the order of their first pixels row by row; 0 for background.
std::vector<std::int64_t> component_labels(const std::uint8_t* mask, int width, int height,
                                           Connectivity connectivity = Connectivity::four);

/// The component that holds the pixel at `place`, or nothing where that is background. Throws Error where `place` is no
/// pixel.
std::optional<Component> component_at(const std::uint8_t* mask, int width, int height, std::int64_t place,
                                      Connectivity connectivity = Connectivity::four);

}  // namespace assay
