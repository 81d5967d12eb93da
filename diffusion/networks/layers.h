#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

#include "diffusion/networks/network_cost.h"
#include "diffusion/networks/parameters.h"

namespace assay {

/// y = x W^T + b on the last axis; keys `name`.weight [out, in] and, with a bias, `name`.bias [out].
class Linear {
 public:
  /// `transformer`: weights start with deviation 0.02 and the bias at 0, as in vision transformers.
  Linear(Parameters& parameters, const std::string& name, std::int64_t in, std::int64_t out, bool bias = true,
         bool transformer = false);
  at::Tensor operator()(const at::Tensor& x) const;
  /// Of `rows` vectors.
  void count(CostWalk& walk, std::int64_t rows = 1) const;

 private:
  const Parameter *weight_, *bias_;
};

/// Square convolution with padding (kernel - 1) / 2 on NCHW; keys `name`.weight [out, in, kernel, kernel], `name`.bias.
class Conv2d {
 public:
  Conv2d(Parameters& parameters, const std::string& name, std::int64_t in, std::int64_t out, std::int64_t kernel,
         std::int64_t stride = 1, bool zero = false);
  at::Tensor operator()(const at::Tensor& x) const;
  /// The same plus `other`, of the result's shape.
  at::Tensor plus(const at::Tensor& x, const at::Tensor& other) const;
  /// The same plus a value for each image and channel, [B, out].
  at::Tensor plus_channels(const at::Tensor& x, const at::Tensor& of_image) const;
  void count(CostWalk& walk) const;
  /// Of its weights, once they are there.
  at::ScalarType type() const { return weight_->value.scalar_type(); }

 private:
  const Parameter *weight_, *bias_;
};

/// Convolution of kernel 1 on [B, in, T]; keys `name`.weight [out, in, 1], `name`.bias.
class Conv1x1 {
 public:
  Conv1x1(Parameters& parameters, const std::string& name, std::int64_t in, std::int64_t out, bool zero = false);
  at::Tensor operator()(const at::Tensor& x) const;
  /// Over `positions` columns.
  void count(CostWalk& walk, std::int64_t positions) const;

 private:
  const Parameter *weight_, *bias_;
};

/// GroupNorm, computed in float32 at least and given back in the type of x; keys `name`.weight, `name`.bias. ADM's
/// `normalization` has 32 groups and the default eps, with weights in float32 where x is in half precision.
class GroupNorm {
 public:
  /// Throws InputError unless `channels` is a multiple of `groups`.
  GroupNorm(Parameters& parameters, const std::string& name, std::int64_t channels, std::int64_t groups,
            double eps = 1e-5);
  at::Tensor operator()(const at::Tensor& x) const;
  /// SiLU of the same.
  at::Tensor silu(const at::Tensor& x) const;
  /// SiLU of (1 + scale) n + shift, from `modulation` [B, 2C], scales before shifts.
  at::Tensor modulated_silu(const at::Tensor& x, const at::Tensor& modulation) const;

 private:
  const Parameter *weight_, *bias_;
  std::int64_t groups_;
  double eps_;
};

/// LayerNorm on the last axis.
class LayerNorm {
 public:
  /// Which keys it has: weight and bias, or a gain alone (imagen-pytorch's, keys gamma and a beta that stays zero).
  enum class Keys { weight_bias, gamma_beta };
  LayerNorm(Parameters& parameters, const std::string& name, std::int64_t width, Keys keys, double eps = 1e-5);
  at::Tensor operator()(const at::Tensor& x) const;

 private:
  const Parameter *gain_, *bias_;
  double eps_;
};

}  // namespace assay
