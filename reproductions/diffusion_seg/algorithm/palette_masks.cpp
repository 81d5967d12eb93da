#include "reproductions/diffusion_seg/algorithm/palette_masks.h"

#include <ATen/TensorOperators.h>

#include "datasets/shapes.h"

namespace assay::diffusion_seg {

bool has_palettes(const std::string& dataset) { return dataset == "shapes"; }

at::Tensor palette_masks(const at::Tensor& images) {
  // Largest less smallest of a pixel fits into the bytes that they are.
  return ((images.amax(1) - images.amin(1)) >= object_chroma).to(at::kByte) * 255;
}

}  // namespace assay::diffusion_seg
