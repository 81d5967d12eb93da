#pragma once
#include <ATen/core/Tensor.h>

namespace assay {

/// Whether row_product() takes a weight [out, in]: both a multiple of 16.
bool row_product_takes(const at::Tensor& weight);

/// x W^T + bias on the last axis, plus `other` of the result's shape; bias and other may be undefined. One operator,
/// differentiable once in all of these, of float32 values on the CPU and a weight that row_product_takes(). Products in
/// both directions are panel_product()'s. Bits do not depend on the number of threads.
at::Tensor row_product(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                       const at::Tensor& other = {});

}  // namespace assay
