#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>

// Weights arranged for the products of a network that only predicts on the CPU, and what multiplies with them.
//
// What computes in float32 (computing_type.h) lies in panels (kernels/inference) of the weights' own type: convolutions
// take images as channels last and give them so, 3x3 ones by Winograd's. bfloat16 that the processor multiplies lies as
// oneDNN wants it, LibTorch's library of convolutions, which arranges a weight anew at every call otherwise. Results
// have the same bits for every number of threads and of rows. There is no gradient.
namespace assay {

/// What a weight is multiplied as, for those that may be packed.
struct WeightUse {
  enum class Kind { other, linear, convolution };
  Kind kind = Kind::other;
  std::int64_t stride = 1, padding = 0;  // of a convolution
};

/// The weight packed, in a tensor that only the functions below read; undefined where it cannot be: another use,
/// another type than float32, bfloat16 or float16, another device than the CPU, a linear layer whose outputs are no
/// multiple of 16.
at::Tensor packed(const at::Tensor& weight, const WeightUse& use);
/// Panels have five axes, which no weight of a layer has.
inline bool in_panels(const at::Tensor& weight) { return weight.dim() == 5; }
inline bool is_packed(const at::Tensor& weight) { return in_panels(weight) || weight.is_mkldnn(); }

/// x W^T + bias on the last axis; `bias` may be undefined.
at::Tensor packed_linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias);
/// The same plus `other`, of the result's shape.
at::Tensor packed_linear_plus(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                              const at::Tensor& other);

/// A convolution of [B, C, H, W] with a bias [out] or one of each image [B, out]; plus a tensor of the result's shape
/// where `other` is defined.
at::Tensor packed_convolution(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                              const WeightUse& use, const at::Tensor& other = {});

}  // namespace assay
