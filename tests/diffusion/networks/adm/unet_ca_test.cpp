#include "diffusion/networks/adm/unet_ca.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

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
using ::testing::HasSubstr;

UNetCaConfig small(std::int64_t cond_dim, std::int64_t layout_dim) {
  UNetCaConfig c;
  c.image_size = 8;
  c.channel_mult = {1, 1};
  c.num_heads = 2;
  c.context_dim = 4;
  c.cond_dim = cond_dim;
  c.cond_token_num = cond_dim > 0 ? 1 : 0;
  c.layout_dim = layout_dim;
  c.condition_method = layout_dim == 0 ? "attr" : cond_dim == 0 ? "layout" : "clusterlayout";
  return c;
}

/// One token attention with its weights, and what it is fed.
class TokenAttention : public ::testing::Test {
 protected:
  static constexpr std::int64_t heads = 3, width = 2, channels = 6, tokens = 2, context_width = 4;
  void SetUp() override {
    parameters.materialise(1);
    parameters.assign(normal({parameters.trainable_count()}, 2));
    pass.context = normal({1, tokens, context_width}, 3);
  }
  at::Tensor weight(const std::string& name) const { return test::weight(parameters, "a." + name); }

  Parameters parameters;
  TokenAttentionBlock block{parameters, "a", channels, heads, context_width, tokens};
  BlockPass pass;
};

TEST_F(TokenAttention, SharesOneKeyAndValueAmongTheHeads) {
  // Every head and pixel by itself: d = 2, keys in the order tokens, null, pixels.
  const at::Tensor x = normal({1, channels, 1, 3}, 4);
  const at::Tensor pixels = x[0].flatten(1).t();  // [3, C]
  const at::Tensor normed = at::layer_norm(pixels, {channels}, weight("norm.gamma"), {}, 1e-5);
  const at::Tensor query = at::linear(normed, weight("to_q.weight"));
  const at::Tensor context = at::linear(
      at::layer_norm(pass.context[0], {context_width}, weight("to_context.0.weight"), weight("to_context.0.bias")),
      weight("to_context.1.weight"), weight("to_context.1.bias"));
  const at::Tensor key_value =
      at::cat({context, weight("null_kv").reshape({1, 2 * width}), at::linear(normed, weight("to_kv.weight"))});
  at::Tensor mixed = at::zeros({3, heads * width});
  for (int pixel = 0; pixel < 3; ++pixel) {
    for (int head = 0; head < heads; ++head) {
      const at::Tensor q = query[pixel].narrow(0, head * width, width);
      const at::Tensor scores = (key_value.narrow(1, 0, width) * q).sum(1) / std::sqrt(2.0);
      mixed[pixel]
          .narrow(0, head * width, width)
          .copy_((at::softmax(scores, 0).unsqueeze(1) * key_value.narrow(1, width, width)).sum(0));
    }
  }
  const at::Tensor out =
      at::layer_norm(at::linear(mixed, weight("to_out.0.weight")), {channels}, weight("to_out.1.gamma"), {}, 1e-5);
  EXPECT_LT(max_abs_difference(block(x, pass), (pixels + out).t().reshape(x.sizes())), 1e-5);
}

TEST_F(TokenAttention, DoesNotMindTheOrderOfTokensButTheirContent) {
  const at::Tensor x = normal({1, channels, 2, 2}, 4), plain = block(x, pass);
  pass.context = pass.context.flip({1});
  EXPECT_LT(max_abs_difference(block(x, pass), plain), 1e-5);
  pass.context = pass.context + 1.0 * normal(pass.context.sizes(), 9);
  EXPECT_GT(max_abs_difference(block(x, pass), plain), 1e-2);
}

TEST(UNetCa, TreatsEveryRowOfABatchAlone) {
  UNetCa network(small(5, 2));
  fill(network);
  const at::Tensor x = normal({3, 3, 8, 8}, 1), t = indices({0, 500, 999});
  const Condition condition(normal({3, 5}, 2), normal({3, 2, 8, 8}, 3));
  const at::Tensor all = network.forward(x, t, condition);
  EXPECT_GT(max_abs_difference(all.select(0, 0), all.select(0, 1)), 1e-3);
  for (std::int64_t i = 0; i < 3; ++i)
    EXPECT_LT(max_abs_difference(network.forward(x.narrow(0, i, 1), t.narrow(0, i, 1), condition.rows(i, 1)),
                                 all.narrow(0, i, 1)),
              1e-5);
}

TEST(UNetCa, ListensToVectorLayoutAndTime) {
  UNetCa network(small(5, 2));
  fill(network);
  const at::Tensor x = normal({1, 3, 8, 8}, 1), t = indices({10}), vector = normal({1, 5}, 2);
  const at::Tensor layout = normal({1, 2, 8, 8}, 3), plain = network.predict(x, t, {vector, layout});
  EXPECT_GT(max_abs_difference(network.predict(x, t, {vector + 1, layout}), plain), 1e-3);
  EXPECT_GT(max_abs_difference(network.predict(x, t, {vector, layout.flip({3})}), plain), 1e-3);
  EXPECT_GT(max_abs_difference(network.predict(x, indices({900}), {vector, layout}), plain), 1e-3);
}

/// Both networks take vector and layout; each case runs on both.
template <typename Network>
class Layouts : public ::testing::Test {
 protected:
  Layouts() : network(config()) { fill(network); }
  static auto config() {
    if constexpr (std::is_same_v<Network, UNetCa>) {
      return small(5, 2);
    } else {
      UNetConfig c;
      c.image_size = 8;
      c.channel_mult = {1, 1};
      c.cond_dim = 5;
      c.condition_method = "clusterlayout";
      c.layout_dim = 2;
      return c;
    }
  }
  at::Tensor stored(const std::string& name) const { return test::weight(network, name); }

  Network network;
  const at::Tensor x = normal({2, 3, 8, 8}, 1), t = indices({10, 900});
  const Condition condition{normal({2, 5}, 2), normal({2, 2, 8, 8}, 3)};
};
using LayoutNetworks = ::testing::Types<UNet, UNetCa>;
TYPED_TEST_SUITE(Layouts, LayoutNetworks);

TYPED_TEST(Layouts, OneDecisionDropsVectorAndLayout) {
  const Condition dropped = this->network.drop_condition(this->condition, indices({0, 1}));
  EXPECT_TRUE(same_bits(dropped.vector[0], this->condition.vector[0]));
  EXPECT_TRUE(same_bits(dropped.layout[0], this->condition.layout[0]));
  EXPECT_TRUE(same_bits(dropped.vector[1], this->stored("null_cond_emb")[0]));
  for (int channel = 0; channel < 2; ++channel)
    EXPECT_TRUE(same_bits(dropped.layout[1][channel], this->stored("null_layout_emb")[0][0]));
}

TYPED_TEST(Layouts, NoConditionIsTheStoredNullOnEveryRow) {
  EXPECT_TRUE(same_bits(
      this->network.predict(this->x, this->t, {}),
      this->network.predict(this->x, this->t, this->network.drop_condition(this->condition, indices({1, 1})))));
}

TYPED_TEST(Layouts, AHalfConditionIsRefused) {
  const auto refused = [&](const Condition& c) {
    return message_of<InputError>([&] { this->network.predict(this->x, this->t, c); });
  };
  EXPECT_THAT(refused(this->condition.vector), HasSubstr("needs a layout"));
  EXPECT_THAT(refused({{}, this->condition.layout}), HasSubstr("needs a condition"));
  EXPECT_THAT(refused({this->condition.vector, this->condition.layout.narrow(1, 0, 1)}),
              HasSubstr("layout must be [2, 2, 8, 8]"));
  EXPECT_THAT(refused({this->condition.vector, this->condition.layout.narrow(3, 0, 4)}),
              HasSubstr("layout must be [2, 2, 8, 8]"));
  EXPECT_THAT(message_of<InputError>([&] {
                this->network.drop_condition(this->condition.vector, indices({1, 1}));
              }),
              HasSubstr("missing"));
}

TEST(UNetCaConfiguration, SurvivesJsonAndRefusesWhatIsNotPublished) {
  for (const auto& [cond, layout] : {std::pair(5, 0), {5, 2}, {0, 2}}) {
    const nlohmann::json object = to_json(small(cond, layout));
    EXPECT_EQ(to_json(read_unet_ca_config(object, "net")), object);
  }
  const auto refused = [](const char* text) {
    return message_of<InputError>([&] { read_unet_ca_config(nlohmann::json::parse(text), "net"); });
  };
  EXPECT_THAT(refused(R"({"cond_token_num": 4, "cond_dim": 3})"), HasSubstr("supported: 0 and 1"));
  EXPECT_THAT(refused(R"({"cond_token_num": 0, "cond_dim": 3})"), HasSubstr("both are 0"));
  EXPECT_THAT(refused(R"({"use_ca_block": false, "cond_dim": 3})"), HasSubstr("use_ca_block"));
  EXPECT_THAT(refused(R"({"cond_dim": 3, "condition_method": "clusterlayout"})"), HasSubstr("layout_dim"));
  EXPECT_THAT(refused(R"({"cond_dim": 3, "condition_method": "clusterlayuot"})"), HasSubstr("clusterlayout"));
  EXPECT_THAT(refused(R"({"cond_dim": 3, "condition_method": "layout", "condition": {"layout": {"layout_dim": 2}}})"),
              HasSubstr("takes no vector"));
}

TEST(UNetCondition, OfACombinationThatIsNotPublishedIsRefused) {
  UNetConfig both;
  both.num_classes = 3;
  both.cond_dim = 4;
  EXPECT_THAT(message_of<InputError>([&] { UNet network(both); }), HasSubstr("exclude each other"));
  UNetConfig layout;
  layout.layout_dim = 1;
  EXPECT_THAT(message_of<InputError>([&] { UNet network(layout); }), HasSubstr("cond_dim is 0"));
}

TEST(ClassConditional, PredictTakesOneHotRowsAndForwardTheirClasses) {
  UNetConfig config;
  config.image_size = 8;
  config.num_classes = 5;
  config.out_channels = 6;
  UNet network(config);
  fill(network);
  EXPECT_EQ(network.condition_size(), 5);
  EXPECT_TRUE(network.learned_variance());
  EXPECT_FALSE(network.has_null_condition());
  const at::Tensor x = normal({2, 3, 8, 8}, 1), t = indices({10, 900});
  at::Tensor rows = at::zeros({2, 5});
  rows[0][4] = 1;
  rows[1][0] = 1;
  const at::Tensor both = network.predict(x, t, rows);
  EXPECT_EQ(both.size(1), 6);
  EXPECT_TRUE(same_bits(both, network.forward(x, t, indices({4, 0}), {})));
  EXPECT_TRUE(same_bits(predict_eps(network, x, t, rows), both.narrow(1, 0, 3)));
  EXPECT_GT(max_abs_difference(both, network.forward(x, t, indices({3, 0}), {})), 1e-3);

  const auto refused = [&](const Condition& c) { return message_of<InputError>([&] { network.predict(x, t, c); }); };
  EXPECT_THAT(refused({}), HasSubstr("no null class"));
  EXPECT_THAT(refused(at::full({2, 5}, 0.2)), HasSubstr("one-hot"));
  EXPECT_THAT(refused(at::zeros({2, 5})), HasSubstr("one-hot"));
  EXPECT_THAT(refused(at::zeros({2, 4})), HasSubstr("[2, 5]"));
  EXPECT_THAT(message_of<InputError>([&] { network.forward(x, t, indices({5, 0}), {}); }), HasSubstr("from 0 to 4"));
  EXPECT_THAT(message_of<InputError>([&] { network.forward(x, t, indices({-1, 0}), {}); }), HasSubstr("from 0 to 4"));
}

}  // namespace
}  // namespace assay
