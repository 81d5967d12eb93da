#pragma once
#include <ATen/core/Tensor.h>

namespace assay {

/// Whether filter_product() convolves images of so many channels: a multiple of 8.
bool filter_product_takes(std::int64_t channels);

/// A 3x3 convolution of channels-last float32 images x [B, in, H, W] with a pixel of zeros around them, by Winograd's
/// F(2x2, 3x3) (Lavin and Gray, arXiv:1509.09308): 16 products for 4 values of the result, where the formula has 36.
/// `panels` are filter_panels(); bias and other as window_product() takes them.
///
/// Filters are transformed as they are needed, which takes little beside what follows from 32 positions on, since
/// transformed they would need 16 values of memory for 9. A value's bits depend on its window alone. Sums are shorter
/// than the formula's, a ninth, and of numbers up to four times as large: errors are of the same size.
at::Tensor filter_product(const at::Tensor& x, const at::Tensor& panels, const at::Tensor& bias,
                          const at::Tensor& other = {});

}  // namespace assay
