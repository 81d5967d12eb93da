#include "metrics/features/conv_encoder.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/adaptive_avg_pool2d.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/group_norm.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/zeros_like.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>

#include "core/error.h"
#include "core/philox.h"
#include "core/safetensors.h"
#include "kernels/adamw_step.h"
#include "kernels/host_tensor.h"
#include "kernels/one_thread_each.h"

namespace assay {
namespace {

constexpr std::array<std::int64_t, 6> width_multiples = {0, 1, 2, 2, 4, 4};
constexpr std::array<std::int64_t, 5> strides = {1, 2, 1, 2, 1};
constexpr std::size_t per_convolution = 4;  // weight, bias, norm weight, norm bias
constexpr std::size_t linear_begin = strides.size() * per_convolution;

std::int64_t count(const std::vector<std::int64_t>& shape) {
  std::int64_t n = 1;
  for (const std::int64_t side : shape) n *= side;
  return n;
}

at::Tensor in_batches(const at::Tensor& images, const std::function<at::Tensor(const at::Tensor&)>& run) {
  // One size for every caller and one thread for each: convolutions may round differently in batches of another size
  // and over another number of threads.
  constexpr std::int64_t batch = 64;
  const at::NoGradGuard no_grad;
  const std::int64_t n = images.size(0), count = (n + batch - 1) / batch;
  std::vector<at::Tensor> parts(static_cast<std::size_t>(count));
  one_thread_each(images.device(), count, [&](std::int64_t i) {
    parts[static_cast<std::size_t>(i)] = run(images.narrow(0, i * batch, std::min(batch, n - i * batch))).to(at::kCPU);
  });
  return at::cat(parts);
}

}  // namespace

ConvEncoder::ConvEncoder(const ConvEncoderConfig& config, std::uint64_t seed, at::Device device) : config_(config) {
  if (config.width < 8 || config.width % 8 != 0)
    throw InputError(fmt::format("encoder: width {}; accepted: a multiple of 8", config.width));
  if (config.features < 1 || config.outputs < 1 || config.grid < 1)
    throw InputError("encoder: features, outputs and grid must be at least 1");

  for (std::size_t i = 0; i < strides.size(); ++i) {
    const std::int64_t in = i == 0 ? 3 : config.width * width_multiples[i], out = config.width * width_multiples[i + 1];
    weights_.push_back({fmt::format("conv.{}.weight", i), {out, in, 3, 3}, {}});
    weights_.push_back({fmt::format("conv.{}.bias", i), {out}, {}});
    weights_.push_back({fmt::format("norm.{}.weight", i), {out}, {}});
    weights_.push_back({fmt::format("norm.{}.bias", i), {out}, {}});
  }
  weights_.push_back({"features.weight", {config.features, 4 * config.width * config.grid * config.grid}, {}});
  weights_.push_back({"features.bias", {config.features}, {}});
  weights_.push_back({"head.weight", {config.outputs, config.features}, {}});
  weights_.push_back({"head.bias", {config.outputs}, {}});

  std::int64_t total = 0;
  for (const Weight& w : weights_) total += count(w.shape);
  at::Tensor host = at::empty({total}, at::kFloat);
  float* out = host.mutable_data_ptr<float>();
  for (std::size_t i = 0; i < weights_.size(); ++i) {
    const Weight& w = weights_[i];
    const std::int64_t n = count(w.shape);
    RandomStream random(seed, Purpose::initialise, i);
    // He initialisation for what feeds a ReLU; norms start at one, biases at zero.
    const double deviation =
        w.shape.size() > 1 ? std::sqrt(2.0 * static_cast<double>(w.shape[0]) / static_cast<double>(n)) : 0.0;
    const float constant = w.name.starts_with("norm") && w.name.ends_with("weight") ? 1.0f : 0.0f;
    for (std::int64_t j = 0; j < n; ++j)
      *out++ = deviation > 0 ? static_cast<float>(deviation * random.normal()) : constant;
  }
  flat_ = host.to(device);
  gradient_ = at::zeros_like(flat_);
  first_ = at::zeros_like(flat_);
  second_ = at::zeros_like(flat_);
  std::int64_t offset = 0;
  for (Weight& w : weights_) {
    const std::int64_t n = count(w.shape);
    w.value = flat_.narrow(0, offset, n).view(w.shape).detach();
    w.value.set_requires_grad(true);
    w.value.mutable_grad() = gradient_.narrow(0, offset, n).view(w.shape);
    offset += n;
  }
}

at::Tensor ConvEncoder::local(const at::Tensor& images, std::int64_t convolutions) const {
  if (convolutions < 1 || convolutions > static_cast<std::int64_t>(strides.size()))
    throw InputError(
        fmt::format("encoder: activations after {} convolutions; accepted: 1 to {}", convolutions, strides.size()));
  at::Tensor h = images;
  for (std::size_t i = 0; i < static_cast<std::size_t>(convolutions); ++i) {
    const std::size_t w = i * per_convolution;
    h = at::conv2d(h, weight(w), weight(w + 1), strides[i], 1);
    h = at::relu(at::group_norm(h, 8, weight(w + 2), weight(w + 3)));
  }
  return h;
}

at::Tensor ConvEncoder::pooled(const at::Tensor& images) const {
  const at::Tensor h = local(images, static_cast<std::int64_t>(strides.size()));
  return at::adaptive_avg_pool2d(h, {config_.grid, config_.grid}).flatten(1);
}

at::Tensor ConvEncoder::features(const at::Tensor& pooled) const {
  return at::linear(pooled, weight(linear_begin), weight(linear_begin + 1));
}

at::Tensor ConvEncoder::head(const at::Tensor& features) const {
  return at::linear(at::relu(features), weight(linear_begin + 2), weight(linear_begin + 3));
}

void ConvEncoder::descend(const at::Tensor& loss, double learning_rate, double weight_decay) {
  gradient_.zero_();
  loss.backward();
  at::NoGradGuard no_grad;
  AdamWStep step;
  step.learning_rate = learning_rate;
  step.weight_decay = weight_decay;
  step.step = ++step_;
  adamw_step(flat_, gradient_, first_, second_, std::nullopt, step);
}

void ConvEncoder::save(const std::filesystem::path& file, const std::string& identity) const {
  const at::Tensor host = flat_.to(at::kCPU);
  const float* data = host.const_data_ptr<float>();
  SafetensorsWriter writer;
  for (const Weight& w : weights_) {
    const auto n = static_cast<std::size_t>(count(w.shape));
    writer.add(w.name, w.shape, std::span(data, n));
    data += n;
  }
  writer.add_metadata("identity", identity);
  writer.write(file);
}

void ConvEncoder::load(const std::filesystem::path& file, const std::string& identity) {
  const SafetensorsFile stored(file);
  const auto found = stored.metadata().find("identity");
  if (found == stored.metadata().end() || found->second != identity)
    throw InputError(fmt::format("{}: holds another network than asked for", file.string()));
  at::NoGradGuard no_grad;
  for (Weight& w : weights_) {
    const TensorView& view = stored.at(w.name);
    if (view.shape != w.shape) throw InputError(fmt::format("{}: '{}' has another shape", file.string(), w.name));
    const auto values = view.f32(w.name);
    w.value.detach().copy_(host_tensor(values).view(w.shape));
  }
}

at::Tensor pooled_in_batches(const ConvEncoder& encoder, const at::Tensor& images) {
  return in_batches(images, [&](const at::Tensor& batch) { return encoder.pooled(batch); });
}

at::Tensor features_in_batches(const ConvEncoder& encoder, const at::Tensor& images) {
  return in_batches(images, [&](const at::Tensor& batch) { return encoder.features(encoder.pooled(batch)); });
}

}  // namespace assay
