#pragma once
#include <cstdint>

namespace assay {

/// A prediction and the true mask of one image: 8-bit grey maps of one size, row-major without gaps.
struct MaskPair {
  const std::uint8_t* prediction = nullptr;
  const std::uint8_t* truth = nullptr;
  int width = 0, height = 0;
};

}  // namespace assay
