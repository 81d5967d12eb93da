#pragma once
#include <ATen/core/Tensor.h>

namespace assay {

/// The panels (kernels/inference/panels.h) of what leads from outputs back to inputs: of the transpose of a matrix
/// [out, in], as matrix_panels() has them, [panels of in, out, 16]; of a convolution's weights [out, in, side, side]
/// with inputs and outputs exchanged and filters turned around, as filter_panels() has them for a side of 3, [panels of
/// in, out, 9, 16], and window_panels() for one of 1. Weights are contiguous float32 on the CPU.
at::Tensor turned_panels(const at::Tensor& weight);

}  // namespace assay
