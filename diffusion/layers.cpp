#include "diffusion/layers.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/group_norm.h>
#include <ATen/ops/linear.h>
#include <fmt/format.h>

#include "core/error.h"

namespace assay {

Linear::Linear(Parameters& parameters, const std::string& name, std::int64_t in, std::int64_t out)
    : weight_(parameters.declare({name + ".weight", {out, in}, Initial::uniform_fan_in, in})),
      bias_(parameters.declare({name + ".bias", {out}, Initial::uniform_fan_in, in})) {}

at::Tensor Linear::operator()(const at::Tensor& x) const { return at::linear(x, weight_->value, bias_->value); }

Conv2d::Conv2d(Parameters& parameters, const std::string& name, std::int64_t in, std::int64_t out, std::int64_t kernel,
               std::int64_t stride, bool zero)
    : weight_(parameters.declare({name + ".weight",
                                  {out, in, kernel, kernel},
                                  zero ? Initial::zeros : Initial::uniform_fan_in,
                                  in * kernel * kernel})),
      bias_(parameters.declare(
          {name + ".bias", {out}, zero ? Initial::zeros : Initial::uniform_fan_in, in * kernel * kernel})),
      stride_(stride),
      padding_((kernel - 1) / 2) {}

at::Tensor Conv2d::operator()(const at::Tensor& x) const {
  return at::conv2d(x, weight_->value, bias_->value, stride_, padding_);
}

GroupNorm32::GroupNorm32(Parameters& parameters, const std::string& name, std::int64_t channels)
    : weight_(parameters.declare({name + ".weight", {channels}, Initial::ones})),
      bias_(parameters.declare({name + ".bias", {channels}, Initial::zeros})) {
  if (channels % 32 != 0)
    throw InputError(fmt::format("{}: {} channels; group normalisation needs a multiple of 32", name, channels));
}

at::Tensor GroupNorm32::operator()(const at::Tensor& x) const {
  return at::group_norm(x, 32, weight_->value, bias_->value, 1e-5);
}

}  // namespace assay
