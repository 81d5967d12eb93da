#pragma once
#include <ATen/core/Tensor.h>

namespace assay {

/// Whether filter_product() convolves images of so many channels: a multiple of 8.
bool filter_product_takes(std::int64_t channels);

/// A 3x3 convolution of channels-last float32 images x [B, in, H, W] with a pixel of zeros around them, by Winograd's
/// F(4x4, 3x3) (Lavin and Gray, arXiv:1509.09308): 36 products for 16 values of the result, where the formula has 144.
/// `panels` are filter_panels(), of float32 or of 16 bits; bias and other as window_product() takes them.
///
/// Filters are transformed as they are needed, since transformed they would need 36 values of memory for 9; from 32
/// tiles of 4x4 positions on that is a tenth of the work. A value's bits depend on its tile's pixels alone.
///
/// Departure: points 0, +-sqrt(1/2), +-sqrt(2) and infinity in the place of 0, +-1, +-2 and infinity, whose errors are
/// twice as large. Of normal images and filters the error's norm is below 2e-6 of the result's: 6e-7 for 32 channels,
/// 1.3e-6 from 320 to 1,920, where LibTorch's convolutions have 2e-7, 9e-7 and 2.2e-6.
at::Tensor filter_product(const at::Tensor& x, const at::Tensor& panels, const at::Tensor& bias,
                          const at::Tensor& other = {});

}  // namespace assay
