#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>

#include "kernels/inference/panel_tile.h"

// Weights in panels of 16 outputs, as the innermost loop reads them, in the type and the memory of the original: the
// last panel is filled with zeros. float32, bfloat16 or float16 (stored_weights.h) on the CPU, without gradients.
namespace assay {

/// [panels, in, 16] of a matrix [out, in].
at::Tensor matrix_panels(const at::Tensor& weight);
/// [panels, height * width * in, 16] of a convolution's weights [out, in, height, width]: a value of all channels after
/// the other, as a window lies in a channels-last image.
at::Tensor window_panels(const at::Tensor& weight);
/// [panels, in, 9, 16] of weights [out, in, 3, 3].
at::Tensor filter_panels(const at::Tensor& weight);

/// The innermost loop for this processor.
MultiplyPanels multiply_panels();

}  // namespace assay
