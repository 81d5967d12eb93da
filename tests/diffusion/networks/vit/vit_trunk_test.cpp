#include "diffusion/networks/vit/vit_trunk.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "diffusion/networks/vit/mask_uvit.h"
#include "diffusion/networks/vit/uvit.h"
#include "tests/diffusion/golden.h"
#include "tests/support/tensors.h"
#include "tests/support/throws.h"

namespace assay {
namespace {

using test::indices;
using test::max_abs_difference;
using test::message_of;
using test::normal;
using test::same_bits;
using test::values;
using ::testing::ContainerEq;
using ::testing::HasSubstr;

using Shapes = std::map<std::string, std::vector<std::int64_t>>;

Shapes shapes_of(const Parameters& parameters) {
  Shapes shapes;
  for (const Parameter& parameter : parameters.all()) shapes[parameter.name] = parameter.shape;
  return shapes;
}

nlohmann::json manifest(const std::string& name) {
  std::ifstream file(test::shared_golden("manifests") / (name + ".json"));
  return nlohmann::json::parse(file);
}

TEST(UVit, HasTheOfficialKeysAndShapes) {
  ASSAY_NEEDS_SHARED_GOLDEN("manifests");
  for (const char* name :
       {"uvit_celeba64_small", "uvit_imagenet64_mid", "uvit_imagenet64_large", "uvit_imagenet256_huge2"}) {
    const auto official = manifest(name);
    const UVit network(read_uvit_config(official.at("config"), name));
    EXPECT_THAT(shapes_of(network.parameters()), ContainerEq(official.at("state_dict").get<Shapes>())) << name;
    EXPECT_EQ(network.parameters().count(), official.at("total_parameters").get<std::int64_t>()) << name;
  }
}

TEST(MaskUVit, HasTheOfficialKeysAndShapes) {
  ASSAY_NEEDS_SHARED_GOLDEN("manifests");
  for (const char* name : {"maskdm_celeba64_small", "maskdm_celebahq256_small", "maskdm_celebahq256_base",
                           "maskdm_lsun_church256_base", "maskdm_celebahq256_large_dwt"}) {
    const auto official = manifest(name);
    const MaskUVit network(read_mask_uvit_config(official.at("config"), name));
    EXPECT_THAT(shapes_of(network.parameters()), ContainerEq(official.at("state_dict").get<Shapes>())) << name;
    EXPECT_EQ(network.parameters().count(), official.at("total_parameters").get<std::int64_t>()) << name;
  }
}

MaskUVitConfig small(std::int64_t classes = -1) {
  MaskUVitConfig c;
  c.img_size = 8;
  c.patch_size = 2;
  c.embed_dim = 16;
  c.depth = 3;
  c.num_heads = 2;
  c.num_classes = classes;
  return c;
}

class Masked : public ::testing::Test {
 protected:
  void SetUp() override {
    network.parameters().materialise(1);
    network.parameters().assign(0.3 * normal({network.parameters().trainable_count()}, 2));
  }
  MaskUVit network{small()};
  at::Tensor x = normal({2, 3, 8, 8}, 3), t = indices({5, 700});
  at::Tensor visible = indices({1, 6, 11, 0, 3, 15}).view({2, 3});
};

TEST_F(Masked, HiddenPixelsHaveNoInfluenceAndNoGradient) {
  at::Tensor image = x.clone().set_requires_grad(true);
  const at::Tensor out = network.forward_visible(image, t, visible).front();
  out.square().sum().backward();
  const at::Tensor gradient = patch_targets(image.grad(), 2);
  const at::NoGradGuard no_grad;
  at::Tensor other = x.clone();
  for (std::int64_t row = 0; row < 2; ++row)
    for (std::int64_t patch = 0; patch < 16; ++patch) {
      const bool seen = visible[row].eq(patch).any().item<bool>();
      EXPECT_EQ(gradient[row][patch].abs().max().item<float>() > 0, seen) << row << ' ' << patch;
      if (!seen) other[row].narrow(1, patch / 4 * 2, 2).narrow(2, patch % 4 * 2, 2).fill_(99.0f);
    }
  EXPECT_TRUE(same_bits(network.forward_visible(other, t, visible).front(), out.detach()));
}

TEST_F(Masked, EveryPatchVisibleIsThePlainPass) {
  const at::NoGradGuard no_grad;
  const at::Tensor all = at::arange(16, at::kLong).expand({2, 16});
  const at::Tensor image = image_of_targets(network.forward_visible(x, t, all).front(), 2);
  EXPECT_LT(max_abs_difference(image, network.forward(x, t)), 1e-6);
}

TEST_F(Masked, TheOrderOfVisiblePatchesIsThatOfTheOutput) {
  const at::NoGradGuard no_grad;
  const at::Tensor order = indices({2, 0, 1});
  const at::Tensor out = network.forward_visible(x, t, visible).front().index_select(1, order);
  EXPECT_LT(max_abs_difference(network.forward_visible(x, t, visible.index_select(1, order)).front(), out), 1e-5);
}

TEST_F(Masked, RefusesPatchesThatDoNotExist) {
  EXPECT_THAT(message_of<InputError>([&] {
                network.forward_visible(x, t, indices({1, 16, 2, 3}).view({2, 2}));
              }),
              HasSubstr("0 to 15"));
  EXPECT_THAT(message_of<InputError>([&] {
                network.forward_visible(x, t, indices({1, 1, 2, 3}).view({2, 2}));
              }),
              HasSubstr("patch 1 is twice"));
  EXPECT_THROW(network.forward_visible(x, t, at::zeros({2, 0}, at::kLong)), InputError);
  EXPECT_THROW(network.forward(normal({2, 3, 16, 16}, 1), t), InputError);
  EXPECT_THROW(network.forward(x, t, indices({0, 1})), InputError);
}

TEST_F(Masked, RefusesATextAsUVitDoes) {
  UVitConfig config;
  config.num_classes = 10;
  UVit uvit(config);
  const Condition text = Condition::of_text(normal({2, 3, 4}, 1));
  EXPECT_THAT(message_of<InputError>([&] { network.predict(x, t, text); }), HasSubstr("MaskDM: text given"));
  EXPECT_THAT(message_of<InputError>([&] { uvit.predict(x, t, text); }), HasSubstr("U-ViT: text given"));
}

/// A parameter by name.
at::Tensor value_of(const MaskUVit& network, const std::string& name) {
  for (const Parameter& p : network.parameters().all())
    if (p.name == name) return p.value;
  throw Error(name + " is no parameter");
}

MaskUVitConfig small_wavelet() {
  MaskUVitConfig c = small();
  c.in_chans = 12;
  c.data_chans = 3;
  c.qkv_bias = true;
  return c;
}

class Wavelet : public ::testing::Test {
 protected:
  void SetUp() override {
    network.parameters().materialise(1);
    network.parameters().assign(0.3 * normal({network.parameters().trainable_count()}, 2));
  }
  at::Tensor value(const std::string& name) const { return value_of(network, name); }
  MaskUVit network{small_wavelet()};
  at::Tensor x = normal({2, 12, 8, 8}, 3), t = indices({5, 700});
  // Of 16 patches of the approximation, then of 16 of the details.
  at::Tensor visible = indices({1, 6, 11, 17, 22, 29, 0, 3, 15, 16, 20, 31}).view({2, 6});
};

TEST_F(Wavelet, TokensAreTheApproximationsThenTheDetails) {
  const at::NoGradGuard no_grad;
  // Blocks that add nothing leave the last norm of embedding plus position.
  for (const Parameter& p : network.parameters().all()) {
    if (p.name.find("attn.proj") != std::string::npos || p.name.find("mlp.fc2") != std::string::npos ||
        p.name.find("skip_linear.bias") != std::string::npos)
      at::Tensor(p.value).zero_();
    if (p.name.find("skip_linear.weight") != std::string::npos)
      at::Tensor(p.value).copy_(at::cat({at::eye(16), at::zeros({16, 16})}, 1));
  }
  const at::Tensor position = value("encoder.encoder_pos_embed")[0];
  const auto expected = [&](const at::Tensor& bands, const std::string& band, std::int64_t first) {
    const at::Tensor tokens = at::conv2d(bands, value("encoder." + band + "_patch_embed.proj.weight"),
                                         value("encoder." + band + "_patch_embed.proj.bias"), 2)
                                  .flatten(2)
                                  .transpose(1, 2) +
                              position.narrow(0, first, 16);
    const at::Tensor h = at::layer_norm(tokens, {16}, value("encoder.norm.weight"), value("encoder.norm.bias"));
    return image_of_targets(at::linear(h, value(band + "_to_output.weight"), value(band + "_to_output.bias")), 2);
  };
  const at::Tensor got = network.forward(x, t);
  EXPECT_LT(max_abs_difference(got.narrow(1, 0, 3), expected(x.narrow(1, 0, 3), "approx", 1)), 1e-5);
  EXPECT_LT(max_abs_difference(got.narrow(1, 3, 9), expected(x.narrow(1, 3, 9), "detail", 17)), 1e-5);
}

TEST_F(Wavelet, HiddenPatchesOfEitherBandHaveNoInfluence) {
  const at::NoGradGuard no_grad;
  const auto out = network.forward_visible(x, t, visible);
  ASSERT_EQ(out.size(), 2U);
  EXPECT_EQ(out[0].sizes(), (std::vector<std::int64_t>{2, 3, 12}));
  EXPECT_EQ(out[1].sizes(), (std::vector<std::int64_t>{2, 3, 36}));
  at::Tensor other = x.clone();
  for (std::int64_t row = 0; row < 2; ++row)
    for (std::int64_t patch = 0; patch < 32; ++patch)
      if (!visible[row].eq(patch).any().item<bool>())
        other[row]
            .narrow(0, patch < 16 ? 0 : 3, patch < 16 ? 3 : 9)
            .narrow(1, patch % 16 / 4 * 2, 2)
            .narrow(2, patch % 4 * 2, 2)
            .fill_(99.0F);
  const auto again = network.forward_visible(other, t, visible);
  for (std::size_t band = 0; band < 2; ++band) EXPECT_TRUE(same_bits(again[band], out[band])) << band;
  // A visible detail does reach the approximation.
  other[0].narrow(0, 3, 9).narrow(1, 0, 2).narrow(2, 2, 2).fill_(99.0F);
  EXPECT_GT(max_abs_difference(network.forward_visible(other, t, visible)[0][0], out[0][0]), 1e-4);
}

TEST_F(Wavelet, EveryPatchVisibleIsThePlainPass) {
  const at::NoGradGuard no_grad;
  const auto bands = network.forward_visible(x, t, at::arange(32, at::kLong).expand({2, 32}));
  EXPECT_LT(max_abs_difference(at::cat({image_of_targets(bands[0], 2), image_of_targets(bands[1], 2)}, 1),
                               network.forward(x, t)),
            1e-6);
}

TEST_F(Wavelet, RefusesBandsThatShowDifferentNumbersOfPatches) {
  const auto refused = [&](const std::vector<std::int64_t>& row) {
    return message_of<InputError>([&] {
      network.forward_visible(x, t, indices(row).expand({2, static_cast<std::int64_t>(row.size())}));
    });
  };
  EXPECT_THAT(refused({1, 2, 3, 17}), HasSubstr("as many of the approximation"));
  EXPECT_THAT(refused({1, 17, 18}), HasSubstr("as many of the approximation"));
  EXPECT_THAT(refused({17, 1}), HasSubstr("as many of the approximation"));
}

TEST(MaskUVit, TheLastBlockInGivesItsSkipToTheFirstBlockOut) {
  const at::NoGradGuard no_grad;
  MaskUVitConfig config = small();
  config.depth = 5;
  // Blocks that add nothing but `block`'s b, and of what comes out of the way in, out_blocks.0 takes the skip or not.
  const auto drawn = [&](const std::string& block, bool takes_skip) {
    MaskUVit network(config);
    network.parameters().materialise(1);
    for (const Parameter& p : network.parameters().all())
      if (p.name.find("attn.proj") != std::string::npos || p.name.find("mlp.fc2") != std::string::npos ||
          p.name.find("skip_linear") != std::string::npos)
        at::Tensor(p.value).zero_();
    at::Tensor(value_of(network, "encoder." + block + ".mlp.fc2.bias")).copy_(normal({16}, 4));
    for (const char* out : {"0", "1"})
      at::Tensor(value_of(network, std::string("encoder.out_blocks.") + out + ".skip_linear.weight"))
          .narrow(1, takes_skip && *out == '0' ? 16 : 0, 16)
          .copy_(at::eye(16));
    return network.forward(normal({2, 3, 8, 8}, 3), indices({5, 700}));
  };
  const at::Tensor got = drawn("in_blocks.1", true);
  EXPECT_LT(max_abs_difference(got, drawn("mid_block", false)), 1e-6);
  EXPECT_GT(max_abs_difference(got, drawn("mid_block", true)), 1e-3) << "b is to matter";
}

TEST(MaskUVit, BiasesAreOfQueriesAndValues) {
  const at::NoGradGuard no_grad;
  MaskUVitConfig config = small();
  config.qkv_bias = true;
  MaskUVit network(config);
  network.parameters().materialise(1);
  const at::Tensor x = normal({2, 3, 8, 8}, 3), t = indices({5, 700});
  const auto parameter = [&](const std::string& name) { return value_of(network, "encoder.mid_block.attn." + name); };
  const at::Tensor plain = network.forward(x, t), bias = normal({16}, 5);
  // Weights of attention add up to 1, so a bias of values is one of what is projected.
  parameter("v_bias").copy_(bias);
  const at::Tensor of_values = network.forward(x, t);
  parameter("v_bias").zero_();
  parameter("proj.bias").add_(parameter("proj.weight").mv(bias));
  EXPECT_LT(max_abs_difference(network.forward(x, t), of_values), 1e-5);
  EXPECT_GT(max_abs_difference(of_values, plain), 1e-4);
  const at::Tensor before = network.forward(x, t);
  parameter("q_bias").copy_(20 * bias);
  EXPECT_GT(max_abs_difference(network.forward(x, t), before), 1e-6);
}

TEST(MaskUVit, RowsOfZerosAreTheNullLabel) {
  MaskUVit network(small(3));
  network.parameters().materialise(1);
  const at::NoGradGuard no_grad;
  const at::Tensor x = normal({2, 3, 8, 8}, 3), t = indices({5, 700});
  const at::Tensor rows = values({0, 1, 0, 0, 0, 1}, {2, 3});
  const at::Tensor given = network.predict(x, t, rows), none = network.predict(x, t, {});
  EXPECT_GT(max_abs_difference(given, none), 1e-6);
  const Condition half = network.drop_condition(rows, values({1, 0}).to(at::kBool));
  const at::Tensor mixed = network.predict(x, t, half);
  EXPECT_LT(max_abs_difference(mixed[0], none[0]), 1e-6);
  EXPECT_LT(max_abs_difference(mixed[1], given[1]), 1e-6);
}

TEST(MaskUVit, CostsWhatTheFormulaSays) {
  // nb (24 d^2 L + 4 d L^2) + nskip 4 d^2 L, L = visible + 1 (Lei et al.'s architecture); the patch embedding and the
  // output layer come on top.
  MaskUVitConfig config;
  config.img_size = 64;
  const MaskUVit network(config);
  for (const std::int64_t visible : {256, 128, 26}) {
    const double d = 512, tokens = static_cast<double>(visible) + 1, values_in = 48;
    const double blocks = 13 * (24 * d * d * tokens + 4 * d * tokens * tokens) + 6 * 4 * d * d * tokens;
    EXPECT_DOUBLE_EQ(network.cost(visible).flops, blocks + 2 * 2 * static_cast<double>(visible) * values_in * d);
  }
  EXPECT_NEAR(network.cost().flops, 24.4e9, 0.1e9);
}

TEST(VitConfig, RefusesWhatCannotBeBuilt) {
  const auto refused = [](const char* text) {
    return message_of<InputError>([&] { read_mask_uvit_config(nlohmann::json::parse(text), "net"); });
  };
  EXPECT_THAT(refused(R"({"img_size": 18})"), HasSubstr("18 is not a multiple of patch_size 4"));
  EXPECT_THAT(refused(R"({"encoder_heads": 7})"), HasSubstr("not a multiple of the number of heads 7"));
  EXPECT_THAT(refused(R"({"num_classes": 0})"), HasSubstr("num_classes"));
  EXPECT_THAT(refused(R"({"use_final_conv": true})"), HasSubstr("use_final_conv"));
  EXPECT_THAT(refused(R"({"in_chans": 3, "data_chans": 3})"), HasSubstr("accepted: 12, the Haar bands"));
  EXPECT_THAT(refused(R"({"in_chans": 12, "data_chans": 3, "scale": 2})"), HasSubstr("net.scale: only 1"));
  EXPECT_THAT(refused(R"({"in_chans": 12, "data_chans": 3, "num_classes": 5})"), HasSubstr("no null label"));
  EXPECT_THAT(refused(R"({"encoder_dept": 3})"), HasSubstr("did you mean 'encoder_depth'?"));
}

TEST(Patches, AreReadRowByRowWithTheChannelFastest) {
  const at::Tensor x = at::arange(2 * 4 * 4, at::kFloat).view({1, 2, 4, 4});
  EXPECT_TRUE(same_bits(patch_targets(x, 2)[0][1], values({2, 18, 3, 19, 6, 22, 7, 23})));
  EXPECT_TRUE(same_bits(image_of_targets(patch_targets(x, 2), 2), x));
}

}  // namespace
}  // namespace assay
