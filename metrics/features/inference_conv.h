#pragma once
#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>

namespace assay {

/// A convolution with bias and ReLU for inference alone, on channels-last float32 images [B, C, H, W].
///
/// On the CPU oneDNN applies the ReLU while the result is in registers and the weights are laid out for it at the
/// first call, for images of that size; elsewhere it is at::conv2d and at::relu_. The bits of an image's result depend
/// neither on the batch it is in nor on the number of threads (tests/metrics/features/inception_test.cpp).
class InferenceConv {
 public:
  InferenceConv() = default;
  /// `weight` [out, in, height, width], `bias` [out]; stride and padding are (rows, columns).
  InferenceConv(const at::Tensor& weight, at::Tensor bias, std::array<std::int64_t, 2> stride,
                std::array<std::int64_t, 2> padding);

  at::Tensor operator()(const at::Tensor& x) const;

 private:
  at::Tensor weight_, bias_;
  std::array<std::int64_t, 2> stride_{}, padding_{};
  mutable at::Tensor packed_;
};

}  // namespace assay
