#include "metrics/features/inception.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/avg_pool2d.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/max_pool2d.h>
#include <fmt/format.h>

#include <array>

#include "core/error.h"
#include "metrics/features/blocked_linear.h"

namespace assay {
namespace {

/// conv (no bias), batch normalisation and ReLU; kernel, stride and padding are (rows, columns).
struct ConvShape {
  std::string name;
  std::int64_t in, out;
  std::array<std::int64_t, 2> kernel, stride, padding;
};

/// The convolutions in the order of the official state_dict.
class Layout {
 public:
  Layout() {
    add("Conv2d_1a_3x3", 3, 32, 3, 2);
    add("Conv2d_2a_3x3", 32, 32, 3);
    add("Conv2d_2b_3x3", 32, 64, 3, 1, 1);
    add("Conv2d_3b_1x1", 64, 80, 1);
    add("Conv2d_4a_3x3", 80, 192, 3);
    block_a("Mixed_5b", 192, 32);
    block_a("Mixed_5c", 256, 64);
    block_a("Mixed_5d", 288, 64);
    block_b("Mixed_6a", 288);
    block_c("Mixed_6b", 128);
    block_c("Mixed_6c", 160);
    block_c("Mixed_6d", 160);
    block_c("Mixed_6e", 192);
    block_d("Mixed_7a", 768);
    block_e("Mixed_7b", 1280);
    block_e("Mixed_7c", 2048);
  }
  const std::vector<ConvShape>& convs() const { return convs_; }

 private:
  void add(const std::string& name, std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride = 1,
           std::int64_t padding = 0) {
    convs_.push_back({name, in, out, {kernel, kernel}, {stride, stride}, {padding, padding}});
  }
  /// A row of `n` weights: 1 x n, padded to keep the size.
  void add_row(const std::string& name, std::int64_t in, std::int64_t out, std::int64_t n) {
    convs_.push_back({name, in, out, {1, n}, {1, 1}, {0, n / 2}});
  }
  void add_column(const std::string& name, std::int64_t in, std::int64_t out, std::int64_t n) {
    convs_.push_back({name, in, out, {n, 1}, {1, 1}, {n / 2, 0}});
  }
  void block_a(const std::string& name, std::int64_t in, std::int64_t pool) {
    add(name + ".branch1x1", in, 64, 1);
    add(name + ".branch5x5_1", in, 48, 1);
    add(name + ".branch5x5_2", 48, 64, 5, 1, 2);
    add(name + ".branch3x3dbl_1", in, 64, 1);
    add(name + ".branch3x3dbl_2", 64, 96, 3, 1, 1);
    add(name + ".branch3x3dbl_3", 96, 96, 3, 1, 1);
    add(name + ".branch_pool", in, pool, 1);
  }
  void block_b(const std::string& name, std::int64_t in) {
    add(name + ".branch3x3", in, 384, 3, 2);
    add(name + ".branch3x3dbl_1", in, 64, 1);
    add(name + ".branch3x3dbl_2", 64, 96, 3, 1, 1);
    add(name + ".branch3x3dbl_3", 96, 96, 3, 2);
  }
  void block_c(const std::string& name, std::int64_t middle) {
    constexpr std::int64_t in = 768, out = 192;
    add(name + ".branch1x1", in, out, 1);
    add(name + ".branch7x7_1", in, middle, 1);
    add_row(name + ".branch7x7_2", middle, middle, 7);
    add_column(name + ".branch7x7_3", middle, out, 7);
    add(name + ".branch7x7dbl_1", in, middle, 1);
    add_column(name + ".branch7x7dbl_2", middle, middle, 7);
    add_row(name + ".branch7x7dbl_3", middle, middle, 7);
    add_column(name + ".branch7x7dbl_4", middle, middle, 7);
    add_row(name + ".branch7x7dbl_5", middle, out, 7);
    add(name + ".branch_pool", in, out, 1);
  }
  void block_d(const std::string& name, std::int64_t in) {
    add(name + ".branch3x3_1", in, 192, 1);
    add(name + ".branch3x3_2", 192, 320, 3, 2);
    add(name + ".branch7x7x3_1", in, 192, 1);
    add_row(name + ".branch7x7x3_2", 192, 192, 7);
    add_column(name + ".branch7x7x3_3", 192, 192, 7);
    add(name + ".branch7x7x3_4", 192, 192, 3, 2);
  }
  void block_e(const std::string& name, std::int64_t in) {
    add(name + ".branch1x1", in, 320, 1);
    add(name + ".branch3x3_1", in, 384, 1);
    add_row(name + ".branch3x3_2a", 384, 384, 3);
    add_column(name + ".branch3x3_2b", 384, 384, 3);
    add(name + ".branch3x3dbl_1", in, 448, 1);
    add(name + ".branch3x3dbl_2", 448, 384, 3, 1, 1);
    add_row(name + ".branch3x3dbl_3a", 384, 384, 3);
    add_column(name + ".branch3x3dbl_3b", 384, 384, 3);
    add(name + ".branch_pool", in, 192, 1);
  }

  std::vector<ConvShape> convs_;
};

constexpr std::int64_t width = 2048, classes = 1008;

/// max_pool2d of 3 x 3 places.
at::Tensor max_pool(const at::Tensor& x, std::int64_t stride, std::int64_t padding = 0) {
  return at::max_pool2d(x, {3, 3}, {stride, stride}, {padding, padding});
}

at::Tensor average_pool_without_padding(const at::Tensor& x) {
  return at::avg_pool2d(x, {3, 3}, {1, 1}, {1, 1}, /*ceil_mode=*/false, /*count_include_pad=*/false);
}

}  // namespace

std::vector<WeightShape> Inception::state() {
  std::vector<WeightShape> state;
  const Layout layout;
  state.reserve(6 * layout.convs().size() + 2);
  for (const ConvShape& conv : layout.convs()) {
    state.push_back({conv.name + ".conv.weight", {conv.out, conv.in, conv.kernel[0], conv.kernel[1]}});
    for (const char* part : {"weight", "bias", "running_mean", "running_var"})
      state.push_back({conv.name + ".bn." + part, {conv.out}});
    state.push_back({conv.name + ".bn.num_batches_tracked", {}, true});
  }
  state.push_back({"fc.weight", {classes, width}});
  state.push_back({"fc.bias", {classes}});
  return state;
}

Inception::Inception(const std::filesystem::path& weights, at::Device device) {
  const at::NoGradGuard no_grad;
  const auto state_dict = load_network_weights(
      weights, Inception::state(),
      "Expected is the FID Inception (pt_inception-2015-12-05-6726825d.pth) through tools/convert_weights.py");
  const Layout layout;
  for (const ConvShape& shape : layout.convs()) {
    const auto part = [&](const char* name) { return state_dict.at(shape.name + name).to(at::kDouble); };
    const at::Tensor gain = part(".bn.weight") * (part(".bn.running_var") + 1e-3).rsqrt();
    const at::Tensor weight = part(".conv.weight") * gain.view({-1, 1, 1, 1});
    const at::Tensor bias = part(".bn.bias") - part(".bn.running_mean") * gain;
    convs_.emplace(shape.name, InferenceConv(weight.to(at::kFloat).to(device), bias.to(at::kFloat).to(device),
                                             shape.stride, shape.padding));
  }
  fc_weight_ = state_dict.at("fc.weight").to(device);
  fc_bias_ = state_dict.at("fc.bias").to(device);
}

at::Tensor Inception::block_a(const std::string& name, const at::Tensor& x) const {
  const at::Tensor five = conv(name + ".branch5x5_2", conv(name + ".branch5x5_1", x));
  const at::Tensor three =
      conv(name + ".branch3x3dbl_3", conv(name + ".branch3x3dbl_2", conv(name + ".branch3x3dbl_1", x)));
  return at::cat(
      {conv(name + ".branch1x1", x), five, three, conv(name + ".branch_pool", average_pool_without_padding(x))}, 1);
}

at::Tensor Inception::block_b(const std::string& name, const at::Tensor& x) const {
  const at::Tensor twice =
      conv(name + ".branch3x3dbl_3", conv(name + ".branch3x3dbl_2", conv(name + ".branch3x3dbl_1", x)));
  return at::cat({conv(name + ".branch3x3", x), twice, max_pool(x, 2)}, 1);
}

at::Tensor Inception::block_c(const std::string& name, const at::Tensor& x, at::Tensor* branch1x1) const {
  const at::Tensor one = conv(name + ".branch1x1", x);
  if (branch1x1) *branch1x1 = one;
  at::Tensor seven = conv(name + ".branch7x7_1", x);
  for (const char* step : {".branch7x7_2", ".branch7x7_3"}) seven = conv(name + step, seven);
  at::Tensor twice = conv(name + ".branch7x7dbl_1", x);
  for (const char* step : {".branch7x7dbl_2", ".branch7x7dbl_3", ".branch7x7dbl_4", ".branch7x7dbl_5"})
    twice = conv(name + step, twice);
  return at::cat({one, seven, twice, conv(name + ".branch_pool", average_pool_without_padding(x))}, 1);
}

at::Tensor Inception::block_d(const std::string& name, const at::Tensor& x) const {
  const at::Tensor three = conv(name + ".branch3x3_2", conv(name + ".branch3x3_1", x));
  at::Tensor seven = conv(name + ".branch7x7x3_1", x);
  for (const char* step : {".branch7x7x3_2", ".branch7x7x3_3", ".branch7x7x3_4"}) seven = conv(name + step, seven);
  return at::cat({three, seven, max_pool(x, 2)}, 1);
}

at::Tensor Inception::block_e(const std::string& name, const at::Tensor& x, Pool pool) const {
  const at::Tensor three = conv(name + ".branch3x3_1", x);
  const at::Tensor twice = conv(name + ".branch3x3dbl_2", conv(name + ".branch3x3dbl_1", x));
  const at::Tensor pooled = pool == Pool::average ? average_pool_without_padding(x) : max_pool(x, 1, 1);
  return at::cat({conv(name + ".branch1x1", x), conv(name + ".branch3x3_2a", three),
                  conv(name + ".branch3x3_2b", three), conv(name + ".branch3x3dbl_3a", twice),
                  conv(name + ".branch3x3dbl_3b", twice), conv(name + ".branch_pool", pooled)},
                 1);
}

InceptionOutputs Inception::forward(const at::Tensor& images) const {
  if (images.dim() != 4 || images.size(1) != 3 || images.size(2) != side || images.size(3) != side)
    throw Error("Inception: images must be [B, 3, 299, 299]");
  const at::NoGradGuard no_grad;
  at::Tensor x = images.contiguous(at::MemoryFormat::ChannelsLast);
  for (const char* name : {"Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3"}) x = conv(name, x);
  x = max_pool(x, 2);
  for (const char* name : {"Conv2d_3b_1x1", "Conv2d_4a_3x3"}) x = conv(name, x);
  x = max_pool(x, 2);
  for (const char* name : {"Mixed_5b", "Mixed_5c", "Mixed_5d"}) x = block_a(name, x);
  x = block_b("Mixed_6a", x);
  for (const char* name : {"Mixed_6b", "Mixed_6c"}) x = block_c(name, x);
  at::Tensor branch1x1;
  x = block_c("Mixed_6d", x, &branch1x1);
  x = block_c("Mixed_6e", x);
  x = block_d("Mixed_7a", x);
  x = block_e("Mixed_7b", x, Pool::average);
  x = block_e("Mixed_7c", x, Pool::maximum);

  InceptionOutputs out;
  out.pool3 = x.mean({2, 3});
  out.logits_unbiased = blocked_linear(out.pool3, fc_weight_);
  out.logits = out.logits_unbiased + fc_bias_;
  // NHWC: the order of the reference statistics that OpenAI published.
  out.spatial = branch1x1.narrow(1, 0, 7).permute({0, 2, 3, 1}).reshape({images.size(0), 17 * 17 * 7});
  return out;
}

}  // namespace assay
