#pragma once
#include <ATen/core/Tensor.h>

#include <string>

namespace assay::diffusion_seg {

/// Whether the objects of a data set have colours that no background has, so that the masks of images that a model drew
/// after it can be read off: `shapes` alone.
bool has_palettes(const std::string& dataset);

/// The masks [N, H, W] of images [N, 3, H, W] uint8 of `shapes`, real or drawn: 255 where the largest channel is at
/// least object_chroma above the smallest, which every object colour and shade is and no background colour is, else 0.
/// Exact up to the pixels of the outline, where both are mixed; how far, the real images show, whose masks are known.
at::Tensor palette_masks(const at::Tensor& images);

}  // namespace assay::diffusion_seg
