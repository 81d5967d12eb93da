#include "diffusion/networks/layers.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/group_norm.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/silu.h>
#include <fmt/format.h>

#include "core/error.h"
#include "kernels/inference/channel_norm.h"
#include "kernels/training/convolution.h"
#include "kernels/training/linear.h"
#include "kernels/training/modulated_norm.h"
#include "kernels/training/own_gradients.h"

namespace assay {
namespace {

/// Whether an image is one that convolutions with packed weights made, whose channels lie side by side.
bool has_channels_last(const at::Tensor& x, const at::Tensor& weight) {
  return !at::GradMode::is_enabled() && x.dim() == 4 && x.device().is_cpu() && x.scalar_type() == at::kFloat &&
         weight.scalar_type() == at::kFloat && x.is_contiguous(at::MemoryFormat::ChannelsLast) && !x.is_contiguous();
}

/// Whether image_convolution() is to work out a convolution.
bool has_operator(const at::Tensor& x, const Parameter& weight) {
  return own_gradients(x, weight.value) && x.dim() == 4 &&
         image_convolution_takes(weight.value, weight.use.stride, weight.use.padding);
}

/// Whether modulated_norm() is to work out a norm.
bool has_norm_operator(const at::Tensor& x, const Parameter& weight) {
  return own_gradients(x, weight.value) && x.dim() == 4 && modulated_norm_takes(x.size(1));
}

}  // namespace

Linear::Linear(Parameters& parameters, const std::string& name, std::int64_t in, std::int64_t out, bool bias,
               bool transformer)
    : weight_(parameters.declare(
          {name + ".weight", {out, in}, transformer ? Initial::normal_002 : Initial::uniform_fan_in, in})),
      bias_(
          bias ? parameters.declare({name + ".bias", {out}, transformer ? Initial::zeros : Initial::uniform_fan_in, in})
               : nullptr) {}

at::Tensor Linear::operator()(const at::Tensor& x) const {
  if (own_gradients(x, weight_->value) && row_product_takes(weight_->value))
    return row_product(x, weight_->value, bias_ ? bias_->value : at::Tensor());
  // In fewer bits than x where weights are kept so: widened for this product alone.
  const at::Tensor weight = weight_->value.to(x.scalar_type());
  return bias_ ? at::linear(x, weight, bias_->value) : at::linear(x, weight);
}

void Linear::count(CostWalk& walk, std::int64_t rows) const {
  walk.multiply(rows, weight_->shape[1], weight_->shape[0]);
}

Conv2d::Conv2d(Parameters& parameters, const std::string& name, std::int64_t in, std::int64_t out, std::int64_t kernel,
               std::int64_t stride, bool zero)
    : weight_(parameters.declare({name + ".weight",
                                  {out, in, kernel, kernel},
                                  zero ? Initial::zeros : Initial::uniform_fan_in,
                                  in * kernel * kernel,
                                  true,
                                  {WeightUse::Kind::convolution, stride, (kernel - 1) / 2}})),
      bias_(parameters.declare(
          {name + ".bias", {out}, zero ? Initial::zeros : Initial::uniform_fan_in, in * kernel * kernel})) {}

at::Tensor Conv2d::operator()(const at::Tensor& x) const {
  if (is_packed(weight_->value)) return packed_convolution(x, weight_->value, bias_->value, weight_->use);
  if (has_operator(x, *weight_)) return image_convolution(x, weight_->value, bias_->value);
  // Beside our operators, which leave images so.
  const bool last = own_gradients(x, weight_->value) && x.dim() == 4;
  return at::conv2d(last ? x.contiguous(at::MemoryFormat::ChannelsLast) : x, weight_->value, bias_->value,
                    weight_->use.stride, weight_->use.padding);
}

at::Tensor Conv2d::plus(const at::Tensor& x, const at::Tensor& other) const {
  if (is_packed(weight_->value)) return packed_convolution(x, weight_->value, bias_->value, weight_->use, other);
  if (has_operator(x, *weight_)) return image_convolution(x, weight_->value, bias_->value, other);
  return other + (*this)(x);
}

at::Tensor Conv2d::plus_channels(const at::Tensor& x, const at::Tensor& of_image) const {
  if (is_packed(weight_->value)) return packed_convolution(x, weight_->value, bias_->value + of_image, weight_->use);
  if (has_operator(x, *weight_)) return image_convolution(x, weight_->value, bias_->value + of_image);
  return (*this)(x) + of_image.unsqueeze(2).unsqueeze(3);
}

void Conv2d::count(CostWalk& walk) const { walk.convolve(weight_->shape[0], weight_->shape[2], weight_->use.stride); }

Conv1x1::Conv1x1(Parameters& parameters, const std::string& name, std::int64_t in, std::int64_t out, bool zero)
    : weight_(
          parameters.declare({name + ".weight", {out, in, 1}, zero ? Initial::zeros : Initial::uniform_fan_in, in})),
      bias_(parameters.declare({name + ".bias", {out}, zero ? Initial::zeros : Initial::uniform_fan_in, in})) {}

at::Tensor Conv1x1::operator()(const at::Tensor& x) const {
  return at::matmul(weight_->value.squeeze(2), x) + bias_->value.unsqueeze(1);
}

void Conv1x1::count(CostWalk& walk, std::int64_t positions) const {
  walk.multiply(positions, weight_->shape[1], weight_->shape[0]);
}

GroupNorm::GroupNorm(Parameters& parameters, const std::string& name, std::int64_t channels, std::int64_t groups,
                     double eps)
    : weight_(parameters.declare({name + ".weight", {channels}, Initial::ones})),
      bias_(parameters.declare({name + ".bias", {channels}, Initial::zeros})),
      groups_(groups),
      eps_(eps) {
  if (channels % groups != 0)
    throw InputError(fmt::format("{}: {} channels; {} groups of normalisation need a multiple of {}", name, channels,
                                 groups, groups));
}

at::Tensor GroupNorm::operator()(const at::Tensor& x) const {
  if (has_norm_operator(x, *weight_))
    return modulated_norm(x, groups_, weight_->value, bias_->value, {}, eps_, AfterNorm::nothing);
  if (has_channels_last(x, weight_->value))
    return channel_norm(x, groups_, weight_->value, bias_->value, eps_, AfterNorm::nothing);
  // Weights of the type of x: the operator itself sums in float32. Others are float32 beside half precision.
  if (weight_->value.scalar_type() == x.scalar_type())
    return at::group_norm(x, groups_, weight_->value, bias_->value, eps_);
  return at::group_norm(x.to(at::kFloat), groups_, weight_->value, bias_->value, eps_).to(x.scalar_type());
}

at::Tensor GroupNorm::silu(const at::Tensor& x) const {
  if (has_norm_operator(x, *weight_))
    return modulated_norm(x, groups_, weight_->value, bias_->value, {}, eps_, AfterNorm::silu);
  if (has_channels_last(x, weight_->value))
    return channel_norm(x, groups_, weight_->value, bias_->value, eps_, AfterNorm::silu);
  at::Tensor normed = (*this)(x);
  return at::GradMode::is_enabled() ? at::silu(normed) : at::silu_(normed);
}

at::Tensor GroupNorm::modulated_silu(const at::Tensor& x, const at::Tensor& modulation) const {
  if (has_norm_operator(x, *weight_))
    return modulated_norm(x, groups_, weight_->value, bias_->value, modulation, eps_, AfterNorm::silu);
  const std::vector<at::Tensor> halves =
      modulation.to(x.scalar_type()).unsqueeze(2).unsqueeze(3).chunk(2, 1);  // scales, shifts
  at::Tensor h = (*this)(x);
  h = h * (halves[0] + 1);
  h = h + halves[1];
  return at::silu(h);
}

LayerNorm::LayerNorm(Parameters& parameters, const std::string& name, std::int64_t width, Keys keys, double eps)
    : gain_(parameters.declare({name + (keys == Keys::gamma_beta ? ".gamma" : ".weight"), {width}, Initial::ones})),
      bias_(parameters.declare({name + (keys == Keys::gamma_beta ? ".beta" : ".bias"),
                                {width},
                                Initial::zeros,
                                1,
                                keys == Keys::weight_bias})),
      eps_(eps) {}

at::Tensor LayerNorm::operator()(const at::Tensor& x) const {
  return at::layer_norm(x, gain_->shape, gain_->value, bias_->value, eps_);
}

}  // namespace assay
