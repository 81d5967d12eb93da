#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

#include "diffusion/parameters.h"

namespace assay {

/// y = x W^T + b on the last axis; keys `name`.weight [out, in], `name`.bias [out].
class Linear {
 public:
  Linear(Parameters& parameters, const std::string& name, std::int64_t in, std::int64_t out);
  at::Tensor operator()(const at::Tensor& x) const;

 private:
  const Parameter *weight_, *bias_;
};

/// Square convolution with padding (kernel - 1) / 2 on NCHW; keys `name`.weight [out, in, kernel, kernel], `name`.bias.
class Conv2d {
 public:
  Conv2d(Parameters& parameters, const std::string& name, std::int64_t in, std::int64_t out, std::int64_t kernel,
         std::int64_t stride = 1, bool zero = false);
  at::Tensor operator()(const at::Tensor& x) const;

 private:
  const Parameter *weight_, *bias_;
  std::int64_t stride_, padding_;
};

/// GroupNorm with 32 groups and eps 1e-5, as ADM's `normalization`; keys `name`.weight, `name`.bias.
class GroupNorm32 {
 public:
  /// Throws InputError unless `channels` is a multiple of 32.
  GroupNorm32(Parameters& parameters, const std::string& name, std::int64_t channels);
  at::Tensor operator()(const at::Tensor& x) const;

 private:
  const Parameter *weight_, *bias_;
};

}  // namespace assay
