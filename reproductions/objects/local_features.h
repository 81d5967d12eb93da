#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>

namespace assay {

/// Features of the places of images of one size.
struct LocalFeatures {
  at::Tensor values;  // [N, rows * columns, C] float32 on the CPU, row by row
  std::int64_t rows = 0, columns = 0;
  std::int64_t patch = 1;  // pixels a side of a place
};

}  // namespace assay
