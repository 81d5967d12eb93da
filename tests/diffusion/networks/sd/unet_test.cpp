#include "diffusion/networks/sd/unet.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "core/error.h"
#include "diffusion/networks/computing_type.h"
#include "kernels/thread_count.h"
#include "tests/diffusion/filled.h"
#include "tests/diffusion/golden.h"
#include "tests/diffusion/observed_cost.h"
#include "tests/support/tensors.h"
#include "tests/support/throws.h"

namespace assay {
namespace {

using test::indices;
using test::max_abs_difference;
using test::message_of;
using test::normal;
using test::same_bits;
using ::testing::ContainerEq;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Shapes = std::map<std::string, std::vector<std::int64_t>>;

nlohmann::json manifest(const std::string& name) {
  std::ifstream file(test::golden("manifests") / (name + ".json"));
  return nlohmann::json::parse(file);
}

TEST(SdUNetSize, HasTheOfficialKeysAndShapes) {
  for (const char* name : {"sd15_unet", "sd21_unet"}) {
    const nlohmann::json official = manifest(name);
    Parameters parameters;
    const SdUNet network(parameters, read_sd_unet_config(official.at("config"), name), "unet.");
    Shapes shapes;
    for (const Parameter& parameter : parameters.all()) shapes[parameter.name.substr(5)] = parameter.shape;
    EXPECT_THAT(shapes, ContainerEq(official.at("state_dict").get<Shapes>())) << name;
    EXPECT_EQ(parameters.count(), official.at("total_parameters").get<std::int64_t>()) << name;
  }
}

/// Two levels with a transformer each, in weights of a type.
struct Small {
  explicit Small(at::ScalarType type = at::kFloat, std::int64_t first = 8, std::int64_t second = 12)
      : network(weights, read_sd_unet_config({{"block_out_channels", {first, second}},
                                              {"down_block_types", {"CrossAttnDownBlock2D", "CrossAttnDownBlock2D"}},
                                              {"up_block_types", {"CrossAttnUpBlock2D", "CrossAttnUpBlock2D"}},
                                              {"attention_head_dim", 2},
                                              {"cross_attention_dim", 6},
                                              {"layers_per_block", 1},
                                              {"norm_num_groups", 4}},
                                             "config")) {
    test::fill(*this);
    if (type == at::kFloat) return;
    std::set<std::string> all;
    for (const Parameter& parameter : weights.all()) all.insert(parameter.name);
    weights.cast(type, all);
  }
  Parameters& parameters() { return weights; }

  Parameters weights;
  SdUNet network;
};

class Watching : public AttentionObserver {
 public:
  void see(const std::string& module, const ObservedAttention& attention) override {
    modules.push_back(module);
    maps[module] = attention.map();
    last_row[module] = attention.map(attention.batch() - 1, 1);
  }
  std::vector<std::string> modules;
  std::map<std::string, at::Tensor> maps, last_row;
};

TEST(SdUNet, PredictsTheSameBitsWithAnObserver) {
  const at::NoGradGuard no_grad;
  const Small unet;
  const at::Tensor x = normal({2, 4, 7, 6}, 1), t = indices({3, 800}), text = normal({2, 5, 6}, 2);
  Watching watching;
  EXPECT_TRUE(same_bits(unet.network(x, t, text, &watching), unet.network(x, t, text)));
}

TEST(SdUNet, ShowsTheMapOfEachAttentionByItsOfficialName) {
  const at::NoGradGuard no_grad;
  const Small unet;
  Watching watching;
  unet.network(normal({2, 4, 7, 6}, 1), indices({3, 800}), normal({2, 5, 6}, 2), &watching);

  std::vector<std::string> modules;
  for (const char* block :
       {"down_blocks.0.attentions.0", "down_blocks.1.attentions.0", "mid_block.attentions.0",
        "up_blocks.0.attentions.0", "up_blocks.0.attentions.1", "up_blocks.1.attentions.0", "up_blocks.1.attentions.1"})
    for (const char* attention : {"attn1", "attn2"})
      modules.push_back(fmt::format("{}.transformer_blocks.0.{}", block, attention));
  EXPECT_EQ(watching.modules, modules);
  EXPECT_THAT(watching.maps.at("up_blocks.1.attentions.1.transformer_blocks.0.attn1").sizes(),
              ElementsAre(2, 2, 42, 42));
  EXPECT_THAT(watching.maps.at("mid_block.attentions.0.transformer_blocks.0.attn2").sizes(), ElementsAre(2, 2, 12, 5));
  for (const auto& [module, map] : watching.maps) {
    EXPECT_LT((map.sum(3) - 1).abs().max().item<double>(), 1e-5) << module;
    EXPECT_LT(max_abs_difference(watching.last_row.at(module), map.narrow(0, 1, 1)), 1e-6) << module;
  }
}

TEST(SdUNet, PredictsARowByItself) {
  const at::NoGradGuard no_grad;
  const Small unet;
  const at::Tensor x = normal({3, 4, 8, 8}, 1), t = indices({3, 800, 40}), text = normal({3, 5, 6}, 2);
  const at::Tensor all = unet.network(x, t, text);
  const at::Tensor one = unet.network(x.narrow(0, 1, 1), t.narrow(0, 1, 1), text.narrow(0, 1, 1));
  EXPECT_LT(max_abs_difference(all.narrow(0, 1, 1), one), 1e-4);
}

TEST(SdUNet, TakesOneTimeForAllRows) {
  const at::NoGradGuard no_grad;
  const Small unet;
  const at::Tensor x = normal({2, 4, 8, 8}, 1), text = normal({2, 5, 6}, 2);
  const at::Tensor expected = unet.network(x, indices({40, 40}), text);
  EXPECT_LT(max_abs_difference(unet.network(x, indices({40}), text), expected), 1e-5);
  EXPECT_LT(max_abs_difference(unet.network(x, indices({40})[0], text), expected), 1e-5);
}

// Finite differences need digits that only double has.
TEST(SdUNet, PassesTheGradientOnToTheText) {
  const Small unet(at::kDouble);
  const at::Tensor x = normal({1, 4, 5, 6}, 1).to(at::kDouble), t = indices({500});
  const at::Tensor weight = normal({1, 4, 5, 6}, 3).to(at::kDouble), way = normal({1, 3, 6}, 4).to(at::kDouble);
  at::Tensor text = normal({1, 3, 6}, 2).to(at::kDouble).set_requires_grad(true);
  const auto value = [&](const at::Tensor& states) { return (unet.network(x, t, states) * weight).sum(); };
  value(text).backward();
  const double slope = (text.grad() * way).sum().item<double>();

  const at::NoGradGuard no_grad;
  constexpr double step = 1e-4;
  const double difference = (value(text + step * way) - value(text - step * way)).item<double>() / (2 * step);
  EXPECT_NEAR(slope, difference, 1e-6 * std::abs(difference));
  EXPECT_GT(std::abs(slope), 1e-3);
}

TEST(SdUNet, TrainsEveryWeight) {
  Small unet;
  unet.weights.require_gradients();
  (unet.network(normal({2, 4, 8, 8}, 1), indices({3, 800}), normal({2, 5, 6}, 2)) * normal({2, 4, 8, 8}, 3))
      .sum()
      .backward();
  for (const Parameter& parameter : unet.weights.all())
    EXPECT_GT(parameter.value.grad().abs().max().item<double>(), 0) << parameter.name;
}

TEST(SdUNet, PredictsTheSameWithPackedWeights) {
  const at::NoGradGuard no_grad;
  // Widths of which no layer, some and all can lie in panels.
  for (const auto& [first, second] : {std::pair{8, 12}, std::pair{16, 24}, std::pair{32, 48}}) {
    const Small plain(at::kFloat, first, second);
    Small packed(at::kFloat, first, second);
    packed.weights.pack();
    const at::Tensor x = normal({2, 4, 7, 6}, 1), t = indices({3, 800}), text = normal({2, 5, 6}, 2);
    const at::Tensor expected = plain.network(x, t, text), got = packed.network(x, t, text);
    EXPECT_LT(((got - expected).norm() / expected.norm()).item<double>(), 1e-5) << first;
    // LibTorch's products, which the other widths take, have other bits with other numbers of threads.
    const ThreadCount two(2);
    if (first == 32) {
      EXPECT_TRUE(same_bits(packed.network(x, t, text), got));
    }
  }
}

std::int64_t bytes_of(const Parameters& weights) {
  std::int64_t bytes = 0;
  for (const Parameter& parameter : weights.all()) bytes += static_cast<std::int64_t>(parameter.value.nbytes());
  return bytes;
}

TEST(SdUNet, KeepsPackedWeightsIn16BitsAndComputesAsWithTheirValuesInFloat32) {
  const at::NoGradGuard no_grad;
  for (const at::ScalarType type : {at::kHalf, at::kBFloat16}) {
    if (computing_type(type, at::kCPU) != at::kFloat) continue;  // a processor that multiplies it itself
    for (const auto& [first, second] : {std::pair{8, 12}, std::pair{16, 24}, std::pair{32, 48}}) {
      Small wide(at::kFloat, first, second), narrow(type, first, second);
      for (const Parameter& parameter : wide.weights.all()) parameter.value.copy_(parameter.value.to(type));
      wide.weights.pack();
      narrow.weights.pack();
      const at::Tensor x = normal({2, 4, 7, 6}, 1), t = indices({3, 800}), text = normal({2, 5, 6}, 2);
      const at::Tensor got = narrow.network(x, t, text), expected = wide.network(x, t, text);
      EXPECT_LT(((got - expected).norm() / expected.norm()).item<double>(), 1e-6) << type << ", " << first;
      if (first == 32) {  // no layer is LibTorch's, whose bits may depend on where a weight lies
        EXPECT_TRUE(same_bits(got, expected)) << type;
        EXPECT_LT(bytes_of(narrow.weights), 0.52 * static_cast<double>(bytes_of(wide.weights)));
        const ThreadCount two(2);
        EXPECT_TRUE(same_bits(narrow.network(x, t, text), got));
      }
    }
  }
}

TEST(SdUNet, WithPackedWeightsSaysThatThereIsNoGradient) {
  Small packed;
  packed.weights.pack();
  at::Tensor text = normal({1, 5, 6}, 2).set_requires_grad(true);
  EXPECT_THAT(message_of<Error>([&] {
                packed.network(normal({1, 4, 8, 8}, 1), indices({3}), text);
              }),
              HasSubstr("packed weights pass no gradient on"));
}

TEST(SdUNet, InHalfPrecisionStaysNearAndKeepsTheTypeOfItsInput) {
  const at::NoGradGuard no_grad;
  const Small whole, half(at::kBFloat16);
  const at::Tensor x = normal({2, 4, 8, 8}, 1), t = indices({3, 800}), text = normal({2, 5, 6}, 2);
  const at::Tensor expected = whole.network(x, t, text), rounded = half.network(x, t, text);
  EXPECT_EQ(rounded.scalar_type(), at::kFloat);
  EXPECT_GT(max_abs_difference(rounded, expected), 0);
  // 8 bits of a value's significand, through some thirty layers.
  EXPECT_LT(((rounded - expected).norm() / expected.norm()).item<double>(), 0.05);
}

TEST(SdUNet, CountsWhatItsOperatorsMultiply) {
  const at::NoGradGuard no_grad;
  const Small unet;
  CostWalk walk(4, 16, 16);
  unet.network.count(walk, 5);
  const at::Tensor x = normal({1, 4, 16, 16}, 1), text = normal({1, 5, 6}, 2);
  const test::Observed observed = test::observe([&] { return unet.network(x, indices({3}), text); });
  // What fused attention multiplies, which the count of operators does not see: scores, and their sum over values.
  Watching watching;
  unet.network(x, indices({3}), text, &watching);
  double attention = 0;
  for (const auto& [module, map] : watching.maps)
    attention += 4.0 * static_cast<double>(map.numel()) * (map.size(2) == 256 ? 4 : 6);
  const double operators = observed.flops + attention, counted = walk.cost(unet.weights.count()).flops;
  EXPECT_NEAR(counted, operators, 0.01 * operators);
}

TEST(SdUNet, RefusesInputsOfOtherShapes) {
  const Small unet;
  const at::Tensor x = normal({2, 4, 8, 8}, 1), t = indices({3, 800}), text = normal({2, 5, 6}, 2);
  const auto refused = [&](const at::Tensor& a, const at::Tensor& b, const at::Tensor& c) {
    return message_of<InputError>([&] { unet.network(a, b, c); });
  };
  EXPECT_THAT(refused(x.narrow(1, 0, 3), t, text), HasSubstr("latents must be [B, 4, H, W]"));
  EXPECT_THAT(refused(x, t, text.narrow(2, 0, 4)), HasSubstr("the states of a text must be [2, L, 6]"));
  EXPECT_THAT(refused(x, t, text.narrow(0, 0, 1)), HasSubstr("the states of a text must be [2, L, 6]"));
  EXPECT_THAT(refused(x, indices({1, 2, 3}), text), HasSubstr("time steps must be one, or [2]"));
}

}  // namespace
}  // namespace assay
