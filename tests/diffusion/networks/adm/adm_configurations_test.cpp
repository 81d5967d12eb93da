#include "diffusion/networks/adm/adm_configurations.h"

#include <ATen/core/grad_mode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <numeric>

#include "core/error.h"
#include "core/safetensors.h"
#include "kernels/training/own_gradients.h"
#include "tests/diffusion/golden.h"
#include "tests/diffusion/observed_cost.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tensors.h"
#include "tests/support/throws.h"

namespace assay {
namespace {

using test::indices;
using test::message_of;
using test::normal;
using test::observe;
using test::Observed;
using test::TemporaryFolder;
using ::testing::AllOf;
using ::testing::ContainerEq;
using ::testing::HasSubstr;
using ::testing::Not;

using Shapes = std::map<std::string, std::vector<std::int64_t>>;

std::int64_t elements(const Shapes& shapes) {
  std::int64_t total = 0;
  for (const auto& [name, shape] : shapes)
    total += std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
  return total;
}

TEST(AdmConfigurations, HaveTheOfficialKeysAndShapes) {
  ASSAY_NEEDS_SHARED_GOLDEN("manifests");
  int compared = 0;
  for (const AdmConfiguration& configuration : adm_configurations()) {
    const auto path = test::shared_golden("manifests") / (configuration.name + ".json");
    if (!std::filesystem::exists(path)) {
      EXPECT_TRUE(configuration.name.starts_with("ed_dpm_")) << configuration.name;  // no weights, no manifest
      continue;
    }
    std::ifstream file(path);
    const auto manifest = nlohmann::json::parse(file);
    const Shapes shapes = state_shapes(configuration);
    EXPECT_THAT(shapes, ContainerEq(manifest.at("state_dict").get<Shapes>())) << configuration.name;
    std::int64_t buffers = 0;
    if (manifest.contains("buffers"))
      for (const auto& name : manifest.at("buffers")) buffers += elements({{"", shapes.at(name.get<std::string>())}});
    EXPECT_EQ(elements(shapes) - buffers, manifest.at("total_parameters").get<std::int64_t>()) << configuration.name;
    EXPECT_EQ(network_cost(configuration).parameters, elements(shapes)) << configuration.name;
    ++compared;
  }
  EXPECT_EQ(compared, 15);
}

TEST(AdmConfigurations, HaveThePublishedNumbersOfParameters) {
  // Computed for guided-diffusion's README flags without any framework.
  const std::map<std::string, std::pair<std::int64_t, std::size_t>> published = {
      {"adm_unet_64_cond", {295'904'454, 541}},  {"adm_unet_128_cond", {421'529'606, 493}},
      {"adm_unet_256_cond", {553'838'086, 567}}, {"adm_unet_256_uncond", {552'814'086, 566}},
      {"adm_unet_512_cond", {558'997'638, 645}}, {"adm_classifier_64", {65'438'568, 307}},
      {"adm_classifier_128", {42'568'040, 221}}, {"adm_classifier_256", {54'096'360, 249}},
      {"adm_classifier_512", {54'448'360, 281}}};
  for (const auto& [name, numbers] : published) {
    const Shapes shapes = state_shapes(adm_configuration(name));
    EXPECT_EQ(elements(shapes), numbers.first) << name;
    EXPECT_EQ(shapes.size(), numbers.second) << name;
  }
}

TEST(AdmConfigurations, OfThirtyTwoPixelsHaveFourLevelsOfEDDPM) {
  const Shapes unet = state_shapes(adm_configuration("ed_dpm_unet_32"));
  EXPECT_EQ(unet.at("input_blocks.0.0.weight"), (std::vector<std::int64_t>{128, 3, 3, 3}));
  EXPECT_EQ(unet.at("middle_block.1.qkv.weight"), (std::vector<std::int64_t>{768, 256, 1}));
  EXPECT_EQ(unet.at("out.2.weight"), (std::vector<std::int64_t>{6, 128, 3, 3}));
  EXPECT_TRUE(unet.contains("input_blocks.9.0.op.weight"));  // three strided convolutions: 3, 6, 9
  EXPECT_EQ(state_shapes(adm_configuration("ed_dpm_classifier_32")).at("out.2.positional_embedding"),
            (std::vector<std::int64_t>{256, 17}));  // 4 x 4 positions and the mean
}

TEST(AdmConfigurations, AreFoundByNameAlone) {
  EXPECT_EQ(adm_configuration("adm_unet_256_uncond").noise_schedule, "linear");
  EXPECT_THAT(message_of<InputError>([] { adm_configuration("adm_unet_64_cnd"); }),
              HasSubstr("did you mean 'adm_unet_64_cond'"));
}

/// A file with the keys and shapes of a configuration; its values are of no interest.
void write_shapes(const Shapes& shapes, const std::filesystem::path& path) {
  SafetensorsWriter writer;
  for (const auto& [name, shape] : shapes)
    writer.add(name, shape, std::vector<float>(static_cast<std::size_t>(elements({{"", shape}}))));
  writer.write(path);
}

/// The official configuration of least weight.
const char* const small_file = "ed_dpm_unet_32";

TEST(WrongCheckpoint, IsNamedWithItsFirstTenKeysOnOneLine) {
  const TemporaryFolder folder;
  write_shapes(state_shapes(adm_configuration(small_file)), folder / "net.safetensors");
  UNetConfig config = std::get<UNetConfig>(adm_configuration(small_file).network);
  config.out_channels = 3;
  config.num_classes = 10;
  config.resblock_updown = true;
  UNet network(config);
  network.parameters().materialise(1);
  const std::string message =
      message_of<InputError>([&] { load_official(network.parameters(), SafetensorsFile(folder / "net.safetensors")); });
  EXPECT_THAT(message, AllOf(HasSubstr("net.safetensors: does not fit this network; it is ed_dpm_unet_32"),
                             HasSubstr("out.2.weight is [6, 128, 3, 3], expected [3, 128, 3, 3]"),
                             HasSubstr("missing label_emb.weight"), HasSubstr("unknown key input_blocks.3.0.op.bias"),
                             Not(HasSubstr("\n"))));
  // Ten keys, of all three kinds: 2 of another shape, then missing and unknown in turn.
  const auto occurrences = [&](const std::string& what) {
    int count = 0;
    for (auto at = message.find(what); at != std::string::npos; at = message.find(what, at + 1)) ++count;
    return count;
  };
  EXPECT_EQ(occurrences(", expected ["), 2);
  EXPECT_EQ(occurrences("missing "), 4);
  EXPECT_EQ(occurrences("unknown key "), 4);
}

TEST(WrongCheckpoint, LooksLikeTheNearestConfigurationOrNone) {
  const TemporaryFolder folder;
  Shapes shapes = state_shapes(adm_configuration(small_file));
  shapes.erase("out.2.bias");
  Shapes prefixed;
  for (const auto& [name, shape] : shapes) prefixed["model." + name] = shape;
  prefixed["global_step"] = {1};
  write_shapes(prefixed, folder / "near.safetensors");
  EXPECT_THAT(looks_like(SafetensorsFile(folder / "near.safetensors"), "model."),
              AllOf(HasSubstr("looks like ed_dpm_unet_32"), HasSubstr("100 %")));
  write_shapes({{"conv.weight", {3, 3}}}, folder / "none.safetensors");
  EXPECT_EQ(looks_like(SafetensorsFile(folder / "none.safetensors")), "it looks like no known configuration");
}

// What a network costs, against what LibTorch is seen to do.

struct Network {
  std::string name;
  std::variant<UNetConfig, EncoderUNetConfig, UNetCaConfig> config;
};

std::vector<Network> small_networks() {
  UNetConfig unet;
  unet.image_size = 32;
  unet.channel_mult = {1, 2, 3};
  unet.num_res_blocks = 2;
  unet.attention_resolutions = {2, 4};
  UNetConfig plain = unet;
  plain.resblock_updown = false;
  plain.cond_dim = 20;
  EncoderUNetConfig attention;
  attention.image_size = 32;
  attention.channel_mult = {1, 2, 3};
  attention.num_head_channels = 32;
  attention.out_channels = 100;
  attention.pool = "attention";
  EncoderUNetConfig spatial = attention;
  spatial.pool = "spatial";
  UNetCaConfig tokens;
  tokens.image_size = 32;
  tokens.channel_mult = {1, 2};
  tokens.num_heads = 4;
  tokens.cond_dim = 20;
  tokens.layout_dim = 3;
  tokens.condition_method = "clusterlayout";
  return {{"resblock", unet},
          {"convolution", plain},
          {"attention pool", attention},
          {"spatial pool", spatial},
          {"tokens", tokens}};
}

/// One image through a network of `config`.
template <typename Config>
void check_cost(const std::string& name, const Config& config) {
  using Subject = std::conditional_t<std::is_same_v<Config, UNetConfig>, UNet,
                                     std::conditional_t<std::is_same_v<Config, UNetCaConfig>, UNetCa, EncoderUNet>>;
  Subject network(config);
  const NetworkCost cost = network.cost();
  network.parameters().materialise(1);
  const auto pass = [&](const at::Tensor& x) {
    if constexpr (std::is_same_v<Subject, EncoderUNet>)
      return network.logits(x, indices({10}));
    else
      return network.predict(x, indices({10}), {});
  };
  at::Tensor x = normal({1, config.in_channels, config.image_size, config.image_size}, 1);
  Observed plain;
  {
    at::NoGradGuard no_grad;
    plain = observe([&] { return pass(x); });
  }
  EXPECT_NEAR(plain.flops, cost.flops, 0.02 * cost.flops) << name;
  // Blocked copies of a convolution library are in the estimate and not in what tensors hold.
  EXPECT_LE(plain.peak, cost.activation_bytes + cost.workspace_bytes) << name;
  EXPECT_GE(plain.peak, 0.3 * static_cast<double>(cost.activation_bytes)) << name;
  x.set_requires_grad(true);
  // The estimate is of LibTorch's operators, which every device has; ours keep less.
  EXPECT_LE(observe([&] { return pass(x); }).kept, 1.25 * static_cast<double>(cost.gradient_bytes)) << name;
  const ComposedGradients composed;
  const Observed gradient = observe([&] { return pass(x); });
  EXPECT_NEAR(static_cast<double>(gradient.kept), static_cast<double>(cost.gradient_bytes),
              0.25 * static_cast<double>(cost.gradient_bytes))
      << name;
}

TEST(NetworkCost, IsWhatLibTorchIsSeenToDo) {
  for (const Network& network : small_networks())
    std::visit([&](const auto& config) { check_cost(network.name, config); }, network.config);
}

TEST(NetworkCost, OfTheLargeNetworksIsKnownWithoutAllocatingThem) {
  // Peebles and Xie (arXiv:2212.09748, Table 4) give ADM at 256 pixels 1120 G multiply-adds.
  EXPECT_NEAR(network_cost(adm_configuration("adm_unet_256_cond")).flops / 2, 1120e9, 0.02 * 1120e9);
  EXPECT_NEAR(network_cost(adm_configuration("adm_unet_512_cond")).flops / 2, 1983e9, 0.02 * 1983e9);
  const NetworkCost cost = network_cost(adm_configuration("adm_unet_64_cond"));
  EXPECT_NEAR(static_cast<double>(cost.predict_bytes(2) - cost.predict_bytes(1)), 1.05 * cost.activation_bytes, 2);
  EXPECT_GT(cost.predict_bytes(1), 4 * 295'904'454);
  // Summed over the manifest: tensors below the torso's blocks whose weight has more than two axes.
  EXPECT_EQ(cost.castable, 266'812'992);
  EXPECT_LT(cost.predict_bytes(1, true), 0.6 * static_cast<double>(cost.predict_bytes(1)));
}

}  // namespace
}  // namespace assay
