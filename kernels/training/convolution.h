#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>

namespace assay {

/// Whether image_convolution() takes a weight [out, in, side, side] of a convolution: 3x3 with padding 1 or 1x1
/// without, stride 1, from and to a multiple of 8 channels.
bool image_convolution_takes(const at::Tensor& weight, std::int64_t stride, std::int64_t padding);

/// A convolution of float32 images x [B, in, H, W] on the CPU that image_convolution_takes(), with `bias` [out] or one
/// of each image [B, out], plus `other` of the result's shape where it is defined: one operator, differentiable once in
/// all of these. It is worked out channels last, as which other images are copied; the result lies so too.
///
/// 3x3 windows, the gradients of their images and those of their weights take Winograd's products (filter_product(),
/// filter_gradient()); 1x1 ones are products of matrices. Bits do not depend on the number of threads.
at::Tensor image_convolution(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                             const at::Tensor& other = {});

}  // namespace assay
