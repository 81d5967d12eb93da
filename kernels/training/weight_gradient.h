#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>

// Gradients of weights, in float32 on the CPU: sums over all rows or positions of a batch. Parts of the batch are
// summed beside each other and then in order; how many parts there are follows from the sizes alone, so that the bits
// are the same for every number of threads.
namespace assay {

/// Whether the gradients below take values of so many channels: a multiple of 8.
bool gradient_takes(std::int64_t channels);

/// [out, in]: sum over the rows of the gradient's value times that of x, from x [rows, in] and gradient [rows, out].
at::Tensor matrix_gradient(const at::Tensor& x, const at::Tensor& gradient);

/// [out, in, 3, 3] of a 3x3 convolution with a pixel of zeros around the images, from channels-last x [B, in, H, W] and
/// gradient [B, out, H, W], by the products of Winograd's F(2x2, 3x3) (Lavin and Gray, arXiv:1509.09308): 16 for each
/// 2x2 positions, where the formula has 36. What filter_product() multiplies filters with is multiplied with the
/// transposed transformation of the gradient, and the sum of that is transformed as filters are, transposed.
at::Tensor filter_gradient(const at::Tensor& x, const at::Tensor& gradient);

/// [groups, columns]: sums of the rows of each group, from rows [groups * rows, columns], contiguous.
at::Tensor row_sums(const at::Tensor& rows, std::int64_t groups);

}  // namespace assay
