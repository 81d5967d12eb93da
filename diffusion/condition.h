#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <utility>

namespace assay {

/// What a denoiser is told about each row of a batch; both parts undefined: nothing, the null condition on every row.
/// A vector alone converts implicitly, so networks without a layout are called with a tensor.
struct Condition {
  at::Tensor vector;  // [B, condition_size()] float rows, one-hot or multi-hot
  at::Tensor layout;  // [B, layout_channels(), H, W] float map, of boxes or segments

  Condition() = default;
  Condition(at::Tensor rows, at::Tensor map = {})  // NOLINT(google-explicit-constructor)
      : vector(std::move(rows)), layout(std::move(map)) {}

  bool defined() const { return vector.defined() || layout.defined(); }

  Condition to(at::Device device) const {
    return {vector.defined() ? vector.to(device) : vector, layout.defined() ? layout.to(device) : layout};
  }

  /// Rows [begin, begin + count) of what is defined.
  Condition rows(std::int64_t begin, std::int64_t count) const {
    return {vector.defined() ? vector.narrow(0, begin, count) : vector,
            layout.defined() ? layout.narrow(0, begin, count) : layout};
  }
};

}  // namespace assay
