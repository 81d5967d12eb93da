#include "metrics/features/vgg16.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/max_pool2d.h>
#include <ATen/ops/relu.h>
#include <fmt/format.h>

#include <array>

#include "core/error.h"
#include "metrics/features/blocked_linear.h"

namespace assay {
namespace {

/// A 3 x 3 convolution: its place in torchvision's `features`, its channels, and whether pooling follows.
struct Layer {
  int place;
  std::int64_t in, out;
  bool pooled;
};

constexpr std::array<Layer, 13> layers = {{{0, 3, 64, false},
                                           {2, 64, 64, true},
                                           {5, 64, 128, false},
                                           {7, 128, 128, true},
                                           {10, 128, 256, false},
                                           {12, 256, 256, false},
                                           {14, 256, 256, true},
                                           {17, 256, 512, false},
                                           {19, 512, 512, false},
                                           {21, 512, 512, true},
                                           {24, 512, 512, false},
                                           {26, 512, 512, false},
                                           {28, 512, 512, true}}};
constexpr std::int64_t hidden = 4096, classes = 1000, flattened = 512 * 7 * 7;

}  // namespace

std::vector<WeightShape> Vgg16::state() {
  std::vector<WeightShape> state;
  state.reserve(2 * layers.size() + 6);
  const auto add = [&](const std::string& name, std::vector<std::int64_t> shape) {
    const std::int64_t out = shape.front();
    state.push_back({name + ".weight", std::move(shape)});
    state.push_back({name + ".bias", {out}});
  };
  for (const Layer& layer : layers) add(fmt::format("features.{}", layer.place), {layer.out, layer.in, 3, 3});
  add("classifier.0", {hidden, flattened});
  add("classifier.3", {hidden, hidden});
  add("classifier.6", {classes, hidden});
  return state;
}

Vgg16::Vgg16(const std::filesystem::path& weights, at::Device device) {
  const auto state_dict = load_network_weights(
      weights, Vgg16::state(), "Expected is torchvision's VGG16 (vgg16-397923af.pth) through tools/convert_weights.py");
  convs_.reserve(layers.size());
  for (const Layer& layer : layers) {
    const std::string name = fmt::format("features.{}", layer.place);
    convs_.emplace_back(state_dict.at(name + ".weight").to(device), state_dict.at(name + ".bias").to(device),
                        std::array<std::int64_t, 2>{1, 1}, std::array<std::int64_t, 2>{1, 1});
  }
  fc1_weight_ = state_dict.at("classifier.0.weight").to(device);
  fc1_bias_ = state_dict.at("classifier.0.bias").to(device);
  fc2_weight_ = state_dict.at("classifier.3.weight").to(device);
  fc2_bias_ = state_dict.at("classifier.3.bias").to(device);
}

at::Tensor Vgg16::forward(const at::Tensor& images) const {
  if (images.dim() != 4 || images.size(1) != 3 || images.size(2) != side || images.size(3) != side)
    throw Error("Vgg16: images must be [B, 3, 224, 224]");
  const at::NoGradGuard no_grad;
  at::Tensor x = images.contiguous(at::MemoryFormat::ChannelsLast);
  for (std::size_t i = 0; i < layers.size(); ++i) {
    x = convs_[i](x);
    if (layers[i].pooled) x = at::max_pool2d(x, {2, 2}, {2, 2});
  }
  x = x.contiguous().flatten(1);
  x = at::relu(blocked_linear(x, fc1_weight_, fc1_bias_));
  return at::relu(blocked_linear(x, fc2_weight_, fc2_bias_));
}

}  // namespace assay
