#pragma once
#include <cstdint>

#include "kernels/host_device.h"

namespace assay {

/// Images cut into square patches, numbered row by row.
struct PatchGrid {
  std::int64_t channels, height, width;  // of an image
  std::int64_t patch;                    // pixels a side
  bool channel_last;                     // values of a patch: (row, column, channel), or (channel, row, column)
};

ASSAY_HOST_DEVICE inline std::int64_t grid_columns(const PatchGrid& g) { return g.width / g.patch; }
ASSAY_HOST_DEVICE inline std::int64_t grid_patches(const PatchGrid& g) { return g.height / g.patch * grid_columns(g); }
ASSAY_HOST_DEVICE inline std::int64_t image_values(const PatchGrid& g) { return g.channels * g.height * g.width; }
ASSAY_HOST_DEVICE inline std::int64_t patch_values(const PatchGrid& g) { return g.channels * g.patch * g.patch; }

/// Where the first pixel of patch n lies in channel 0 of an image.
ASSAY_HOST_DEVICE inline std::int64_t patch_corner(const PatchGrid& g, std::int64_t n) {
  return n / grid_columns(g) * g.patch * g.width + n % grid_columns(g) * g.patch;
}

/// How far value k of a patch lies behind the patch's corner.
ASSAY_HOST_DEVICE inline std::int64_t value_offset(const PatchGrid& g, std::int64_t k) {
  const std::int64_t pixel = g.channel_last ? k / g.channels : k % (g.patch * g.patch);
  const std::int64_t channel = g.channel_last ? k % g.channels : k / (g.patch * g.patch);
  return (channel * g.height + pixel / g.patch) * g.width + pixel % g.patch;
}

/// The patch that pixel (channel, row, column) belongs to, and which of its values it is.
struct PatchValue {
  std::int64_t patch, value;
};
ASSAY_HOST_DEVICE inline PatchValue patch_value(const PatchGrid& g, std::int64_t channel, std::int64_t row,
                                                std::int64_t column) {
  const std::int64_t pixel = row % g.patch * g.patch + column % g.patch;
  return {row / g.patch * grid_columns(g) + column / g.patch,
          g.channel_last ? pixel * g.channels + channel : channel * g.patch * g.patch + pixel};
}

}  // namespace assay
