#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <utility>

namespace assay {

/// What a denoiser is told about each row of a batch; all parts undefined: nothing, the null condition on every row.
/// A vector alone converts implicitly, so networks without a layout are called with a tensor.
struct Condition {
  at::Tensor vector;  // [B, condition_size()] float rows, one-hot or multi-hot
  at::Tensor layout;  // [B, layout_channels(), H, W] float map, of boxes or segments
  at::Tensor text;    // [B, L, width] float states of a text encoder, or [B, L] int64 ids of its tokens for a network
                      // that has one

  Condition() = default;
  Condition(at::Tensor rows, at::Tensor map = {})  // NOLINT(google-explicit-constructor)
      : vector(std::move(rows)), layout(std::move(map)) {}

  static Condition of_text(at::Tensor states_or_ids) {
    Condition condition;
    condition.text = std::move(states_or_ids);
    return condition;
  }

  bool defined() const { return vector.defined() || layout.defined() || text.defined(); }

  Condition to(at::Device device) const {
    return of_parts([&](const at::Tensor& part) { return part.to(device); });
  }

  /// Rows [begin, begin + count) of what is defined.
  Condition rows(std::int64_t begin, std::int64_t count) const {
    return of_parts([&](const at::Tensor& part) { return part.narrow(0, begin, count); });
  }

 private:
  template <class Change>
  Condition of_parts(const Change& change) const {
    Condition condition;
    if (vector.defined()) condition.vector = change(vector);
    if (layout.defined()) condition.layout = change(layout);
    if (text.defined()) condition.text = change(text);
    return condition;
  }
};

}  // namespace assay
