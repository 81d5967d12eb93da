#include "diffusion/networks/sd/resnet.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/upsample_nearest2d.h>

namespace assay {

SdResNet::SdResNet(Parameters& p, const std::string& name, std::int64_t in, std::int64_t out, const Options& o)
    : norm1_(p, name + ".norm1", in, o.norm_groups, o.norm_eps),
      conv1_(p, name + ".conv1", in, out, 3),
      norm2_(p, name + ".norm2", out, o.norm_groups, o.norm_eps),
      conv2_(p, name + ".conv2", out, out, 3) {
  if (o.time > 0) time_.emplace(p, name + ".time_emb_proj", o.time, out);
  if (in != out) shortcut_.emplace(p, name + ".conv_shortcut", in, out, 1);
}

at::Tensor SdResNet::operator()(const at::Tensor& x, const at::Tensor& time) const {
  at::Tensor h = norm1_.silu(x);
  h = time_ ? conv1_.plus_channels(h, (*time_)(time)) : conv1_(h);
  h = norm2_.silu(h);
  return conv2_.plus(h, shortcut_ ? (*shortcut_)(x) : x);
}

void SdResNet::count(CostWalk& walk) const {
  const std::int64_t in = walk.values(), channels = walk.channels();
  if (shortcut_) {
    shortcut_->count(walk);
    walk.set_channels(channels);
  }
  walk.hold(in);
  conv1_.count(walk);
  if (time_) time_->count(walk, 1);
  conv2_.count(walk);
  walk.hold(-in);
  walk.keep(2 * (in + 2 * walk.values()));
}

SdDownsample::SdDownsample(Parameters& p, const std::string& name, std::int64_t channels, Padding padding)
    : weight_(p.declare({name + ".conv.weight",
                         {channels, channels, 3, 3},
                         Initial::uniform_fan_in,
                         9 * channels,
                         true,
                         {WeightUse::Kind::convolution, 2, padding == Padding::all_sides ? 1 : 0}})),
      bias_(p.declare({name + ".conv.bias", {channels}, Initial::uniform_fan_in, 9 * channels})),
      padding_(padding) {}

at::Tensor SdDownsample::operator()(const at::Tensor& x) const {
  const at::Tensor framed = padding_ == Padding::all_sides ? x : at::constant_pad_nd(x, {0, 1, 0, 1});
  if (is_packed(weight_->value)) return packed_convolution(framed, weight_->value, bias_->value, weight_->use);
  return at::conv2d(framed, weight_->value, bias_->value, weight_->use.stride, weight_->use.padding);
}

void SdDownsample::count(CostWalk& walk) const { walk.convolve(weight_->shape[0], 3, 2); }

SdUpsample::SdUpsample(Parameters& p, const std::string& name, std::int64_t channels)
    : conv_(p, name + ".conv", channels, channels, 3) {}

at::Tensor SdUpsample::operator()(const at::Tensor& x, std::int64_t height, std::int64_t width) const {
  return conv_(at::upsample_nearest2d(x, {height, width}));
}

void SdUpsample::count(CostWalk& walk) const {
  walk.twice();
  conv_.count(walk);
}

}  // namespace assay
