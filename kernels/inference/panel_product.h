#pragma once
#include <ATen/core/Tensor.h>

namespace assay {

/// x W^T + bias (+ other): [..., out] float32 from x [..., in], the panels of W [out, in] (matrix_panels), bias [out]
/// or undefined and other, of the result's shape, or undefined. Without a bias W has a multiple of 16 outputs. All is
/// float32 but the panels, which may be of 16 bits and are widened as they are multiplied.
///
/// Every value is the sum of blocks of 256 inputs, each summed in order: a row's bits depend on nothing beside it.
at::Tensor panel_product(const at::Tensor& x, const at::Tensor& panels, const at::Tensor& bias = {},
                         const at::Tensor& other = {});

/// A convolution of channels-last images x [B, in, H, W] with the panels of its weights (window_panels): square windows
/// of `kernel`, zeros around the image. `bias` is [out] or one of each image [B, out]; other as above. Bits as above.
at::Tensor window_product(const at::Tensor& x, const at::Tensor& panels, std::int64_t kernel, std::int64_t stride,
                          std::int64_t padding, const at::Tensor& bias, const at::Tensor& other = {});

}  // namespace assay
