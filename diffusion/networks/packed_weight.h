#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>

// Weights in the arrangement of oneDNN, LibTorch's library of convolutions on the CPU, and what multiplies with them.
//
// A convolution arranges its weights anew at every call otherwise, which at the coarse levels of a UNet takes as long
// as the arithmetic; and a linear layer goes to MKL, which on processors of other vendors takes its path of 256 bits.
// What follows a product (a residual to add, say) is applied while its tiles are in the cache. Results have the same
// bits for every number of threads and of rows. There is no gradient.
namespace assay {

/// What a weight is multiplied as, for those that may be packed.
struct WeightUse {
  enum class Kind { other, linear, convolution };
  Kind kind = Kind::other;
  std::int64_t stride = 1, padding = 0;  // of a convolution
};

/// The weight packed, in a tensor that only the functions below read; undefined where it cannot be: another use,
/// another type than float32 or a bfloat16 that the processor multiplies, another device than the CPU.
at::Tensor packed(const at::Tensor& weight, const WeightUse& use);
inline bool is_packed(const at::Tensor& weight) { return weight.is_mkldnn(); }

/// x W^T + bias on the last axis; `bias` may be undefined.
at::Tensor packed_linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias);
/// The same plus `other`, of the result's shape.
at::Tensor packed_linear_plus(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                              const at::Tensor& other);

/// A convolution of [B, C, H, W]; plus a tensor of the result's shape where `other` is defined.
at::Tensor packed_convolution(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                              const WeightUse& use, const at::Tensor& other = {});

}  // namespace assay
