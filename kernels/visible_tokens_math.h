#pragma once
#include <cstdint>

#include "kernels/host_device.h"

namespace assay {

/// The row of the position table that belongs to token `row` of an image: the first tokens have the first rows, a patch
/// the row of its number. `visible` are the numbers of that image, or null for all in order.
ASSAY_HOST_DEVICE inline std::int64_t position_row(std::int64_t row, std::int64_t first, const std::int64_t* visible) {
  return row < first || !visible ? row : first + visible[row - first];
}

/// The token of an image that took `row` of the table, -1 where that patch is hidden. `slots` are those of that image
/// (visible_slots), or null for all in order.
ASSAY_HOST_DEVICE inline std::int64_t token_row(std::int64_t row, std::int64_t first, const std::int64_t* slots) {
  if (row < first || !slots) return row;
  const std::int64_t slot = slots[row - first];
  return slot < 0 ? -1 : first + slot;
}

}  // namespace assay
