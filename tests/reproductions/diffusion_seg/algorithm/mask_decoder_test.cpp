#include "reproductions/diffusion_seg/algorithm/mask_decoder.h"

#include <ATen/TensorOperators.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/safetensors.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tensors.h"
#include "tests/support/throws.h"

namespace assay::diffusion_seg {
namespace {

using test::message_of;
using test::normal;
using test::same_bits;
using test::TemporaryFolder;
using ::testing::HasSubstr;

/// Maps [channels][height * width] in double, and the layers written out as loops.
struct Maps {
  std::int64_t channels, height, width;
  std::vector<double> values;

  double& at(std::int64_t c, std::int64_t y, std::int64_t x) {
    return values[static_cast<std::size_t>((c * height + y) * width + x)];
  }
  double at(std::int64_t c, std::int64_t y, std::int64_t x) const {
    return values[static_cast<std::size_t>((c * height + y) * width + x)];
  }
};

Maps zeros(std::int64_t channels, std::int64_t height, std::int64_t width) {
  return {channels, height, width, std::vector<double>(static_cast<std::size_t>(channels * height * width), 0.0)};
}

Maps maps_of(const at::Tensor& image) {
  Maps maps = zeros(image.size(0), image.size(1), image.size(2));
  std::copy_n(image.const_data_ptr<float>(), image.numel(), maps.values.begin());
  return maps;
}

struct Weights {
  const MaskDecoder& decoder;

  double operator()(const std::string& name, std::int64_t index) const {
    for (const Parameter& parameter : decoder.parameters().all())
      if (parameter.name == name) return parameter.value.const_data_ptr<float>()[index];
    ADD_FAILURE() << "no parameter " << name;
    return 0.0;
  }
};

Maps convolved(const Maps& in, const Weights& weights, const std::string& name, std::int64_t out_channels,
               std::int64_t kernel) {
  Maps out = zeros(out_channels, in.height, in.width);
  const std::int64_t padding = kernel / 2;
  for (std::int64_t o = 0; o < out_channels; ++o)
    for (std::int64_t y = 0; y < in.height; ++y)
      for (std::int64_t x = 0; x < in.width; ++x) {
        double sum = weights(name + ".bias", o);
        for (std::int64_t i = 0; i < in.channels; ++i)
          for (std::int64_t ky = 0; ky < kernel; ++ky)
            for (std::int64_t kx = 0; kx < kernel; ++kx) {
              const std::int64_t sy = y + ky - padding, sx = x + kx - padding;
              if (sy < 0 || sy >= in.height || sx < 0 || sx >= in.width) continue;
              sum += weights(name + ".weight", ((o * in.channels + i) * kernel + ky) * kernel + kx) * in.at(i, sy, sx);
            }
        out.at(o, y, x) = sum;
      }
  return out;
}

Maps normalised(Maps maps, const Weights& weights, const std::string& name, std::int64_t groups) {
  const std::int64_t each = maps.channels / groups * maps.height * maps.width;
  for (std::int64_t g = 0; g < groups; ++g) {
    const auto begin = maps.values.begin() + g * each;
    double mean = 0.0, variance = 0.0;
    for (auto v = begin; v != begin + each; ++v) mean += *v / static_cast<double>(each);
    for (auto v = begin; v != begin + each; ++v) variance += (*v - mean) * (*v - mean) / static_cast<double>(each);
    for (auto v = begin; v != begin + each; ++v) *v = (*v - mean) / std::sqrt(variance + 1e-5);
  }
  for (std::int64_t c = 0; c < maps.channels; ++c)
    for (std::int64_t y = 0; y < maps.height; ++y)
      for (std::int64_t x = 0; x < maps.width; ++x)
        maps.at(c, y, x) = maps.at(c, y, x) * weights(name + ".weight", c) + weights(name + ".bias", c);
  return maps;
}

/// Bilinear with half-pixel centres, edges repeated.
Maps enlarged(const Maps& in, std::int64_t height, std::int64_t width) {
  Maps out = zeros(in.channels, height, width);
  const auto source = [](std::int64_t place, std::int64_t from, std::int64_t to) {
    const double s = (static_cast<double>(place) + 0.5) * static_cast<double>(from) / static_cast<double>(to) - 0.5;
    return std::clamp(s, 0.0, static_cast<double>(from - 1));
  };
  for (std::int64_t c = 0; c < in.channels; ++c)
    for (std::int64_t y = 0; y < height; ++y)
      for (std::int64_t x = 0; x < width; ++x) {
        const double sy = source(y, in.height, height), sx = source(x, in.width, width);
        const auto y0 = static_cast<std::int64_t>(sy), x0 = static_cast<std::int64_t>(sx);
        const std::int64_t y1 = std::min(y0 + 1, in.height - 1), x1 = std::min(x0 + 1, in.width - 1);
        const double wy = sy - static_cast<double>(y0), wx = sx - static_cast<double>(x0);
        out.at(c, y, x) = (1 - wy) * ((1 - wx) * in.at(c, y0, x0) + wx * in.at(c, y0, x1)) +
                          wy * ((1 - wx) * in.at(c, y1, x0) + wx * in.at(c, y1, x1));
      }
  return out;
}

/// The mean of blocks of factor x factor.
Maps shrunk(const Maps& in, std::int64_t factor) {
  Maps out = zeros(in.channels, in.height / factor, in.width / factor);
  for (std::int64_t c = 0; c < in.channels; ++c)
    for (std::int64_t y = 0; y < in.height; ++y)
      for (std::int64_t x = 0; x < in.width; ++x)
        out.at(c, y / factor, x / factor) += in.at(c, y, x) / static_cast<double>(factor * factor);
  return out;
}

Maps silu(Maps maps) {
  for (double& v : maps.values) v = v / (1.0 + std::exp(-v));
  return maps;
}

/// A decoder whose norms and biases are no longer where they start.
std::unique_ptr<MaskDecoder> random_decoder(const std::vector<std::int64_t>& channels, const MaskDecoderOptions& o) {
  auto decoder = std::make_unique<MaskDecoder>(channels, o);
  decoder->parameters().materialise(1);
  decoder->parameters().flat() += 0.2 * normal({decoder->parameters().trainable_count()}, 2);
  return decoder;
}

TEST(MaskDecoder, IsWhatItsLayersAreWrittenOutAsLoops) {
  const MaskDecoderOptions options{.width = 6, .groups = 3, .side = 4};
  const auto decoder = random_decoder({5, 2, 3}, options);
  const std::vector<at::Tensor> features = {normal({2, 5, 2, 2}, 3), normal({2, 2, 4, 4}, 4), normal({2, 3, 8, 8}, 5)};
  const at::Tensor logits = decoder->logits(features, 9, 6);
  ASSERT_EQ(logits.sizes(), (at::IntArrayRef{2, 9, 6}));

  const Weights weights{*decoder};
  for (std::int64_t b = 0; b < 2; ++b) {
    const auto scale = [&](std::size_t k) {
      const std::string name = "scales." + std::to_string(k);
      return normalised(convolved(maps_of(features[k][b]), weights, name + ".projection", 6, 1), weights,
                        name + ".norm", 3);
    };
    Maps sum = enlarged(scale(0), 4, 4);
    const Maps same = scale(1), large = shrunk(scale(2), 2);
    for (std::size_t i = 0; i < sum.values.size(); ++i) sum.values[i] += same.values[i] + large.values[i];
    for (const int block : {0, 1}) {
      const std::string name = "blocks." + std::to_string(block);
      sum = silu(normalised(convolved(sum, weights, name + ".convolution", 6, 3), weights, name + ".norm", 3));
    }
    const Maps expected = enlarged(convolved(sum, weights, "logit", 1, 1), 9, 6);
    for (std::int64_t y = 0; y < 9; ++y)
      for (std::int64_t x = 0; x < 6; ++x)
        EXPECT_NEAR(logits[b][y][x].item<double>(), expected.at(0, y, x), 2e-5) << b << " " << y << " " << x;
  }
}

TEST(MaskDecoder, HasTheParametersOfItsLayers) {
  // On Stable Diffusion's features: 1280 + 640 + 320 channels to 128, three biases and norms; two blocks of 3x3.
  MaskDecoder large({1280, 640, 320}, {});
  EXPECT_EQ(large.parameters().count(), (1280 + 640 + 320) * 128 + 3 * 3 * 128 + 2 * (9 * 128 * 128 + 3 * 128) + 129);
  EXPECT_EQ(large.parameters().count(), 583'681);
  // On the pixels themselves.
  MaskDecoder pixels({3}, {.width = 8, .groups = 2, .side = 16});
  EXPECT_EQ(pixels.parameters().count(), 3 * 8 + 3 * 8 + 2 * (9 * 8 * 8 + 3 * 8) + 9);
}

TEST(MaskDecoder, LearnsWithAllOfItsParameters) {
  const auto decoder = random_decoder({2, 3}, {.width = 4, .groups = 2, .side = 4});
  decoder->parameters().require_gradients();
  decoder->logits({normal({2, 2, 2, 2}, 3), normal({2, 3, 8, 8}, 4)}, 8, 8).square().mean().backward();
  for (const Parameter& parameter : decoder->parameters().all()) {
    // What is added to all positions and channels of a group before its norm is taken away by it again, but not what
    // is added to one channel of two.
    EXPECT_GT(parameter.value.grad().abs().max().item<double>(), 1e-6) << parameter.name;
  }
}

TEST(MaskDecoder, TellsItsScalesApartFromOthers) {
  const auto decoder = random_decoder({2, 3}, {.width = 4, .groups = 2, .side = 4});
  const at::Tensor two = normal({1, 2, 4, 4}, 1), three = normal({1, 3, 4, 4}, 2);
  EXPECT_THAT(message_of<InputError>([&] { decoder->logits({two}, 8, 8); }), HasSubstr("1 feature maps; it takes 2"));
  EXPECT_THAT(message_of<InputError>([&] {
                decoder->logits({three, two}, 8, 8);
              }),
              HasSubstr("feature maps [1, 3, 4, 4] of scale 0; accepted: [1, 2, height, width]"));
  EXPECT_THAT(message_of<InputError>([&] {
                decoder->logits({two, normal({2, 3, 4, 4}, 2)}, 8, 8);
              }),
              HasSubstr("feature maps [2, 3, 4, 4] of scale 1; accepted: [1, 3, height, width]"));
  EXPECT_THAT(message_of<InputError>([] { MaskDecoder({}, {}); }), HasSubstr("no feature map"));
  EXPECT_THAT(message_of<InputError>([] { MaskDecoder({3, 0}, {}); }), HasSubstr("0 channels of scale 1"));
  EXPECT_THAT(message_of<InputError>([] { MaskDecoder({3}, {.width = 10, .groups = 4}); }), HasSubstr("multiple of 4"));
}

TEST(MaskDecoder, IsTheSameFromItsFile) {
  const TemporaryFolder folder;
  const auto decoder = random_decoder({2, 3}, {.width = 4, .groups = 2, .side = 5});
  write_mask_decoder(*decoder, folder / "d", "on what");
  const auto read = read_mask_decoder(folder / "d", "on what");
  EXPECT_EQ(read->channels(), decoder->channels());
  EXPECT_EQ(to_json(read->options()), to_json(decoder->options()));
  const std::vector<at::Tensor> features = {normal({3, 2, 4, 4}, 3), normal({3, 3, 2, 2}, 4)};
  EXPECT_TRUE(same_bits(read->logits(features, 8, 8), decoder->logits(features, 8, 8)));
  read_mask_decoder(folder / "d");
  EXPECT_THAT(message_of<InputError>([&] { read_mask_decoder(folder / "d", "on another"); }),
              HasSubstr("another configuration"));
}

TEST(MaskDecoder, RefusesAFileOfSomethingElse) {
  const TemporaryFolder folder;
  SafetensorsWriter writer;
  writer.add_metadata("identity", "x");
  writer.write(folder / "none");
  EXPECT_THAT(message_of<InputError>([&] { read_mask_decoder(folder / "none"); }), HasSubstr("no 'decoder'"));
  writer.add_metadata("decoder", R"({"channels": [0]})");
  writer.write(folder / "zero");
  EXPECT_THAT(message_of<InputError>([&] { read_mask_decoder(folder / "zero"); }),
              HasSubstr("decoder.channels: 0 is out of range"));
  writer.add_metadata("decoder", R"({"channels": [3], "width": 4, "groups": 2, "side": 4})");
  writer.write(folder / "empty");
  EXPECT_THAT(message_of<InputError>([&] { read_mask_decoder(folder / "empty"); }), HasSubstr("missing"));
}

TEST(MaskDecoderOptions, AreReadWithTheirRanges) {
  const MaskDecoderOptions options{.width = 12, .groups = 3, .side = 20};
  EXPECT_EQ(to_json(read_mask_decoder_options(to_json(options), "decoder")), to_json(options));
  EXPECT_EQ(to_json(read_mask_decoder_options(nlohmann::json::object(), "decoder")),
            nlohmann::json({{"width", 128}, {"groups", 32}, {"side", 64}}));
  EXPECT_THAT(message_of<InputError>([] {
                read_mask_decoder_options({{"width", 10}, {"groups", 4}}, "decoder");
              }),
              HasSubstr("decoder.width: 10 is no multiple of groups, which is 4"));
  EXPECT_THAT(message_of<InputError>([] {
                read_mask_decoder_options({{"wdith", 10}}, "decoder");
              }),
              HasSubstr("width"));
}

}  // namespace
}  // namespace assay::diffusion_seg
