#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>

namespace assay {

/// How the values of one patch follow each other: (channel, row, column) as in a convolution's weight, or (row, column,
/// channel) as in the targets of U-ViT and MaskDM.
enum class PatchOrder { channel_first, channel_last };

/// The pixels of the patches `visible`, [B, V, C p p], from images x [B, C, H, W] float32 whose sides are multiples of
/// `patch` = p; patches are numbered row by row. `visible` [B, V] int64: any order, each at most once in an image; an
/// undefined tensor stands for all N, in order. Hidden pixels are not read. The gradient by x is scatter_patches() with
/// 0 where a patch is hidden. Throws c10::Error for other shapes, types, devices and patches that do not exist.
at::Tensor gather_patches(const at::Tensor& x, const at::Tensor& visible, std::int64_t patch, PatchOrder order);

/// The inverse: images [B, C, height, width] with the patches [B, V, C p p] in their places and `fill` in all others.
/// C follows from the width of a patch. The gradient by `patches` is gather_patches(). Errors as there.
at::Tensor scatter_patches(const at::Tensor& patches, const at::Tensor& visible, std::int64_t height,
                           std::int64_t width, std::int64_t patch, PatchOrder order, double fill = 0.0);

}  // namespace assay
