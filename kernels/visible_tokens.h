#pragma once
#include <ATen/core/Tensor.h>

namespace assay {

/// The tokens that a vision transformer with hidden patches starts from, in one pass: [B, E + V, d], the rows of
/// `first` [B, E, d] (time, label) plus the first E rows of `positions` [E + N, d], then the rows of `patches` [B, V,
/// d] plus the rows E + visible of `positions`. `visible` [B, V] int64: patch numbers in any order, each at most once
/// in an image; an undefined tensor stands for all N, in order. All float32 on one device. Gradients go to all three;
/// that of a position is summed over the images that show it, in their order: the same bits for any number of threads,
/// and on a GPU. Throws c10::Error for other shapes, types, devices and patches that do not exist.
at::Tensor visible_tokens(const at::Tensor& first, const at::Tensor& patches, const at::Tensor& positions,
                          const at::Tensor& visible);

}  // namespace assay
