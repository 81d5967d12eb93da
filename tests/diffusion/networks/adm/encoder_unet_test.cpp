#include "diffusion/networks/adm/encoder_unet.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/avg_pool2d.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/group_norm.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "core/error.h"
#include "diffusion/networks/adm/unet.h"
#include "tests/diffusion/filled.h"
#include "tests/support/tensors.h"
#include "tests/support/throws.h"

namespace assay {
namespace {

using test::fill;
using test::indices;
using test::max_abs_difference;
using test::message_of;
using test::normal;
using test::same_bits;
using test::weight;
using ::testing::ContainerEq;
using ::testing::HasSubstr;

EncoderUNetConfig small(const std::string& pool, bool new_order = false) {
  EncoderUNetConfig c;
  c.image_size = 8;
  c.out_channels = 5;
  c.channel_mult = {1, 1};
  c.num_head_channels = 16;
  c.use_new_attention_order = new_order;
  c.pool = pool;
  return c;
}

/// At their official start, with every last convolution of a block zero, blocks that keep the width are the identity,
/// and the down block averages: the torso of small() is the stem, halved.
class EncoderHead : public ::testing::Test {
 protected:
  at::Tensor stem(const EncoderUNet& network) const {
    return at::conv2d(x, weight(network, "input_blocks.0.0.weight"), weight(network, "input_blocks.0.0.bias"), 1, 1);
  }
  /// The stem, halved, normalised and activated: what the head of a pooling classifier sees.
  at::Tensor activated(const EncoderUNet& network) const {
    return at::silu(at::group_norm(at::avg_pool2d(stem(network), {2, 2}), 32, {}, {}, 1e-5));
  }

  const at::Tensor x = normal({2, 3, 8, 8}, 1), t = indices({10, 900});
};

TEST_F(EncoderHead, AdaptiveIsALinearMapOfTheMean) {
  EncoderUNet network(small("adaptive"));
  network.parameters().materialise(3);
  const at::Tensor map = weight(network, "out.3.weight"), bias = weight(network, "out.3.bias");
  map.copy_(normal(map.sizes(), 4));
  bias.copy_(normal(bias.sizes(), 5));
  EXPECT_LT(max_abs_difference(network.logits(x, t), at::linear(activated(network).mean({2, 3}), map.flatten(1), bias)),
            1e-5);
}

/// The head worked with one head and one query at a time: the mean token, asking all tokens.
TEST_F(EncoderHead, AttentionAsksFromTheMeanInTheNewOrderWhateverTheBlocksUse) {
  for (const bool new_order : {false, true}) {
    EncoderUNet network(small("attention", new_order));
    network.parameters().materialise(3);
    const at::Tensor h = activated(network).flatten(2);
    const at::Tensor tokens = at::cat({h.mean(2, true), h}, 2) + weight(network, "out.2.positional_embedding");
    const at::Tensor qkv = at::linear(tokens.transpose(1, 2), weight(network, "out.2.qkv_proj.weight").squeeze(2),
                                      weight(network, "out.2.qkv_proj.bias"));  // [B, T, 3C]
    std::vector<at::Tensor> heads;
    for (int head = 0; head < 2; ++head) {
      const auto part = [&](int which) { return qkv.narrow(2, 32 * which + 16 * head, 16); };
      const at::Tensor scores = (part(0).narrow(1, 0, 1) * part(1)).sum(2) / 4;  // sqrt(16)
      heads.push_back((at::softmax(scores, 1).unsqueeze(2) * part(2)).sum(1));
    }
    const at::Tensor want = at::linear(at::cat(heads, 1), weight(network, "out.2.c_proj.weight").squeeze(2),
                                       weight(network, "out.2.c_proj.bias"));
    EXPECT_LT(max_abs_difference(network.logits(x, t), want), 1e-5) << new_order;
  }
}

TEST_F(EncoderHead, SpatialReadsTheMeansOfEveryBlock) {
  for (const bool second : {false, true}) {
    EncoderUNet network(small(second ? "spatial_v2" : "spatial"));
    network.parameters().materialise(3);
    // Stem, block, down block, block and middle all have the mean of the stem.
    const at::Tensor mean = stem(network).mean({2, 3}), all = at::cat({mean, mean, mean, mean, mean}, 1);
    at::Tensor h = at::linear(all, weight(network, "out.0.weight"), weight(network, "out.0.bias"));
    h = second ? at::silu(at::group_norm(h, 32, {}, {}, 1e-5)) : at::relu(h);
    const std::string last = second ? "out.3" : "out.2";
    const at::Tensor want = at::linear(h, weight(network, last + ".weight"), weight(network, last + ".bias"));
    EXPECT_LT(max_abs_difference(network.logits(x, t), want), 1e-5) << second;
  }
}

TEST(EncoderUNet, OrdersOfAttentionAreAPermutationOfTheWeights) {
  // [head][q,k,v][d] against [q,k,v][head][d], 2 heads of 16.
  EncoderUNet legacy(small("adaptive", false)), ordered(small("adaptive", true));
  fill(legacy);
  fill(ordered);
  const at::Tensor x = normal({1, 3, 8, 8}, 1), t = indices({10});
  EXPECT_GT(max_abs_difference(legacy.logits(x, t), ordered.logits(x, t)), 1e-4);
  for (const Parameter& parameter : legacy.parameters().all()) {
    if (parameter.name.find(".qkv.") == std::string::npos) continue;
    const at::Tensor value = weight(ordered, parameter.name);
    value.copy_(parameter.value.view({2, 3, 16, -1}).transpose(0, 1).reshape(value.sizes()));
  }
  EXPECT_LT(max_abs_difference(legacy.logits(x, t), ordered.logits(x, t)), 1e-5);
}

TEST(EncoderUNet, GuidanceGradientIsTheSlopeOfTheLogProbability) {
  EncoderUNet network(small("attention"));
  fill(network, 2);
  const at::Tensor t = indices({10, 900}), y = indices({1, 4}).unsqueeze(1);
  const at::Tensor start = normal({2, 3, 8, 8}, 1), direction = normal({2, 3, 8, 8}, 6);
  const auto log_p = [&](const at::Tensor& x) { return at::log_softmax(network.logits(x, t), 1).gather(1, y).sum(); };
  at::Tensor x = start.clone();
  x.set_requires_grad(true);
  log_p(x).backward();
  const double analytic = (x.grad() * direction).sum().item<double>();
  const double step = 2e-3;
  const double slope = (log_p(start + step * direction) - log_p(start - step * direction)).item<double>() / (2 * step);
  EXPECT_GT(std::abs(analytic), 1e-3);
  EXPECT_NEAR(slope, analytic, 3e-2 * std::abs(analytic));
}

TEST(EncoderUNet, DropsTheSameActivationsForTheSameSeedAndNoneWithout) {
  EncoderUNetConfig config = small("attention");
  config.dropout = 0.5;
  EncoderUNet network(config);
  fill(network);
  const at::Tensor x = normal({2, 3, 8, 8}, 1), t = indices({10, 900});
  EXPECT_TRUE(same_bits(network.forward(x, t, 7), network.forward(x, t, 7)));
  EXPECT_GT(max_abs_difference(network.forward(x, t, 7), network.forward(x, t, 8)), 1e-4);
  EXPECT_TRUE(same_bits(network.forward(x, t), network.logits(x, t)));
}

TEST(EncoderUNet, RefusesImagesThatItsPoolingCannotTake) {
  EncoderUNet network(small("attention"));
  fill(network);
  EXPECT_THAT(message_of<InputError>([&] {
                network.logits(normal({1, 3, 16, 16}, 1), indices({1}));
              }),
              HasSubstr("images of 8 x 8, not 16 x 16"));
  EXPECT_THAT(message_of<InputError>([&] {
                network.logits(normal({1, 4, 8, 8}, 1), indices({1}));
              }),
              HasSubstr("[B, 3, H, W]"));
}

TEST(EncoderUNetConfiguration, SurvivesJsonAndRefusesWhatCannotBeBuilt) {
  for (const char* pool : {"adaptive", "attention", "spatial", "spatial_v2"}) {
    const nlohmann::json object = to_json(small(pool));
    EXPECT_EQ(to_json(read_encoder_unet_config(object, "classifier")), object);
  }
  const auto refused = [](const char* text) {
    return message_of<InputError>([&] { read_encoder_unet_config(nlohmann::json::parse(text), "classifier"); });
  };
  EXPECT_THAT(refused(R"({"pool": "average"})"), HasSubstr("adaptive"));
  EXPECT_THAT(refused(R"({"pool": "attention"})"), HasSubstr("num_head_channels"));
  EXPECT_THAT(refused(R"({"num_classes": 10})"), HasSubstr("num_classes"));
  EXPECT_THAT(refused(R"({"dims": 3})"), HasSubstr("dims"));
}

template <typename Network>
std::set<std::string> names_of_type(const Network& network, at::ScalarType type) {
  std::set<std::string> names;
  for (const Parameter& parameter : network.parameters().all())
    if (parameter.value.scalar_type() == type) names.insert(parameter.name);
  return names;
}

/// Weight and bias of each.
std::set<std::string> both(const std::vector<std::string>& layers) {
  std::set<std::string> names;
  for (const std::string& layer : layers) names.insert({layer + ".weight", layer + ".bias"});
  return names;
}

TEST(HalfPrecision, CastsTheConvolutionsOfTheTorsoAndNothingElse) {
  // convert_to_fp16 of the published code: Conv1d and Conv2d below input_blocks, middle_block and output_blocks.
  UNetConfig config;
  config.image_size = 8;
  config.channel_mult = {1, 2};
  config.resblock_updown = false;
  config.num_classes = 3;
  UNet network(config);
  network.parameters().materialise(1);
  network.convert_to(at::kHalf);
  const std::string in = "input_blocks.", out = "output_blocks.";
  const auto want = both({in + "0.0",  // stem
                          in + "1.0.in_layers.2",
                          in + "1.0.out_layers.3",
                          in + "2.0.op",  // down
                          in + "3.0.in_layers.2",
                          in + "3.0.out_layers.3",
                          in + "3.0.skip_connection",  //
                          in + "3.1.qkv",
                          in + "3.1.proj_out",  //
                          "middle_block.0.in_layers.2",
                          "middle_block.0.out_layers.3",
                          "middle_block.1.qkv",  //
                          "middle_block.1.proj_out",
                          "middle_block.2.in_layers.2",
                          "middle_block.2.out_layers.3",  //
                          out + "0.0.in_layers.2",
                          out + "0.0.out_layers.3",
                          out + "0.0.skip_connection",  //
                          out + "0.1.qkv",
                          out + "0.1.proj_out",  //
                          out + "1.0.in_layers.2",
                          out + "1.0.out_layers.3",
                          out + "1.0.skip_connection",  //
                          out + "1.1.qkv",
                          out + "1.1.proj_out",
                          out + "1.2.conv",  //
                          out + "2.0.in_layers.2",
                          out + "2.0.out_layers.3",
                          out + "2.0.skip_connection",  //
                          out + "3.0.in_layers.2",
                          out + "3.0.out_layers.3",
                          out + "3.0.skip_connection"});
  EXPECT_THAT(names_of_type(network, at::kHalf), ContainerEq(want));
  EXPECT_EQ(names_of_type(network, at::kFloat).size() + want.size(), network.parameters().all().size());
  EXPECT_THAT(message_of<InputError>([&] { UNet(config).convert_to(at::kDouble); }), HasSubstr("bfloat16"));
}

TEST(HalfPrecision, StaysNearFloat) {
  // Relative to the largest value: a few units of the last place of each type (2^-11 and 2^-8), through some twenty
  // layers.
  const at::Tensor x = normal({2, 3, 8, 8}, 1), t = indices({10, 900});
  at::NoGradGuard no_grad;
  for (const auto& [type, tolerance] : {std::pair(at::kHalf, 1e-2), {at::kBFloat16, 8e-2}}) {
    UNetConfig config;
    config.image_size = 8;
    UNet network(config);
    fill(network);
    EncoderUNet classifier(small("attention"));
    fill(classifier);
    const at::Tensor eps = network.predict(x, t, {}), logits = classifier.logits(x, t);
    network.convert_to(type);
    classifier.convert_to(type);
    const at::Tensor low_eps = network.predict(x, t, {}), low_logits = classifier.logits(x, t);
    EXPECT_EQ(low_eps.scalar_type(), at::kFloat);
    EXPECT_EQ(low_logits.scalar_type(), at::kFloat);
    EXPECT_GT(max_abs_difference(low_eps, eps), 0);  // it did run in half precision
    EXPECT_LT(max_abs_difference(low_eps, eps), tolerance * eps.abs().max().item<double>());
    EXPECT_LT(max_abs_difference(low_logits, logits), tolerance * logits.abs().max().item<double>());
  }
}

TEST(HalfPrecision, StillGivesTheGuidanceGradient) {
  EncoderUNet classifier(small("attention"));
  fill(classifier);
  const auto gradient = [&] {
    at::Tensor x = normal({2, 3, 8, 8}, 1);
    x.set_requires_grad(true);
    at::log_softmax(classifier.logits(x, indices({10, 900})), 1).select(1, 2).sum().backward();
    return x.grad();
  };
  const at::Tensor full = gradient();
  classifier.convert_to(at::kBFloat16);
  const at::Tensor half = gradient();
  EXPECT_EQ(half.scalar_type(), at::kFloat);
  EXPECT_LT((half - full).norm().item<double>(), 0.2 * full.norm().item<double>());
}

TEST(HalfPrecision, LeavesANetworkThatOnlyPredicts) {
  EncoderUNet network(small("adaptive"));
  network.parameters().materialise(1);
  network.convert_to(at::kHalf);
  EXPECT_THAT(message_of<Error>([&] { network.parameters().require_gradients(); }),
              HasSubstr("where they only predict"));
  EXPECT_THAT(message_of<Error>([&] { network.parameters().assign(at::zeros({1})); }),
              HasSubstr("where they only predict"));
  EXPECT_THAT(message_of<Error>([&] { network.convert_to(at::kHalf); }), HasSubstr("where they only predict"));
}

}  // namespace
}  // namespace assay
