#include "diffusion/networks/sd/feature_taps.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/group_norm.h>
#include <ATen/ops/silu.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "core/error.h"
#include "diffusion/networks/sd/unet_layers.h"
#include "tests/diffusion/filled.h"
#include "tests/diffusion/golden.h"
#include "tests/diffusion/packed_unet.h"
#include "tests/diffusion/small_text_to_image.h"
#include "tests/support/tensors.h"
#include "tests/support/throws.h"

namespace assay {
namespace {

using test::golden;
using test::indices;
using test::max_abs_difference;
using test::message_of;
using test::normal;
using test::PackedUNet;
using test::same_bits;
using test::shared_golden;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(FeatureTaps, KeepWhatHooksOnTheOfficialBlocksGet) {
  ASSAY_NEEDS_SHARED_GOLDEN("sd.unet");
  const at::NoGradGuard no_grad;
  const PackedUNet unet(shared_golden("sd.unet"));
  const SafetensorsFile official(shared_golden("sd.unet") / "taps.safetensors");
  FeatureTaps taps({"down_blocks.0", "down_blocks.1", "mid_block", "up_blocks.0", "up_blocks.1"}, {0}, 2);
  unet.predict("basic", &taps);
  // A block gives what its last module gives.
  for (const auto& [block, module] :
       {std::pair("down_blocks.0", "down_blocks.0.downsamplers.0"),
        std::pair("down_blocks.1", "down_blocks.1.resnets.0"), std::pair("mid_block", "mid_block"),
        std::pair("up_blocks.0", "up_blocks.0.upsamplers.0"), std::pair("up_blocks.1", "up_blocks.1.attentions.1")}) {
    const at::Tensor expected = tensor_of(official, module);
    EXPECT_LT(max_abs_difference(taps.features(block, 0), expected), 5e-5 + 1e-4 * expected.abs().max().item<double>())
        << block;
  }
}

TEST(FeatureTaps, OfTheLastBlockAreWhatThePredictionIsMadeOf) {
  const at::NoGradGuard no_grad;
  const PackedUNet unet(golden("sd.unet.levels"));
  FeatureTaps taps({"up_blocks.2"}, {0}, 1);
  const at::Tensor predicted = unet.predict("1x13x11", &taps);
  const auto weight = [&](const char* name) { return test::weight(unet.weights, name); };
  const at::Tensor normed = at::group_norm(taps.features("up_blocks.2", 0), unet.network.config().norm_num_groups,
                                           weight("conv_norm_out.weight"), weight("conv_norm_out.bias"), 1e-5);
  const at::Tensor expected =
      at::conv2d(at::silu(normed), weight("conv_out.weight"), weight("conv_out.bias"), {1, 1}, {1, 1});
  EXPECT_LT(max_abs_difference(predicted, expected), 1e-4);
}

TEST(FeatureTaps, HaveTheShapeThatTheConfigurationSays) {
  const at::NoGradGuard no_grad;
  for (const auto& [pack, name, images] :
       {std::tuple("sd.unet.levels", "1x13x11", 1), std::tuple("sd.unet.linear", "2x15x9", 2)}) {
    const PackedUNet unet(golden(pack));
    const std::vector<SdUNetBlock> blocks = unet_blocks(unet.network.config(), unet.latents(name));
    std::vector<std::string> names;
    for (const SdUNetBlock& block : blocks) names.push_back(block.name);
    FeatureTaps taps(names, {0}, images);
    unet.predict(name, &taps);
    for (const SdUNetBlock& block : blocks)
      EXPECT_THAT(taps.features(block.name, 0).sizes(),
                  ElementsAre(images, block.channels, block.grid.height, block.grid.width))
          << pack << " " << block.name;
  }
}

TEST(FeatureTaps, OfStableDiffusionHaveTheSizesOfItsLastThreeBlocks) {
  std::ifstream file(golden("manifests") / "sd15_unet.json");
  const SdUNetConfig unet = read_sd_unet_config(nlohmann::json::parse(file).at("config"), "config");
  struct Row {
    const char* name;
    std::int64_t channels, side;
  };
  for (const Row& row : {Row{"up_blocks.1", 1280, 32}, Row{"up_blocks.2", 640, 64}, Row{"up_blocks.3", 320, 64}}) {
    const SdUNetBlock block = unet_block(unet, {64, 64}, row.name);
    EXPECT_EQ(block.channels, row.channels) << row.name;
    EXPECT_EQ(block.grid, (LatentGrid{row.side, row.side})) << row.name;
  }
  EXPECT_THAT(message_of<InputError>([&] {
                unet_block(unet, {64, 64}, "up_blocks.4");
              }),
              AllOf(HasSubstr("'up_blocks.4'"), HasSubstr("mid_block, up_blocks.0, up_blocks.1")));
}

TEST(FeatureTaps, KeepChosenPredictionsOfThePromptsRows) {
  const at::NoGradGuard no_grad;
  const auto model = test::small_text_to_image();
  const at::Tensor x = normal({2, 3, 4, 4}, 3), states = model->states({"a red cat", "a bat"});
  FeatureTaps chosen({"up_blocks.0"}, {1}, 1), all({"up_blocks.0"}, {0, 1, 2}, 2);
  at::Tensor predicted;
  for (const std::int64_t time : {900, 500, 100}) {
    const auto with = [&](AttentionObserver* o) {
      return model->predict(x, indices({time}), Condition::of_text(states), o);
    };
    predicted = with(&all);
    EXPECT_TRUE(same_bits(with(&chosen), predicted));
    EXPECT_TRUE(same_bits(with(nullptr), predicted)) << "an observer changes no bit";
  }
  EXPECT_TRUE(
      same_bits(chosen.features("up_blocks.0", 1), all.features("up_blocks.0", 1).narrow(0, 1, 1).contiguous()));
  EXPECT_GT(max_abs_difference(all.features("up_blocks.0", 0), all.features("up_blocks.0", 2)), 1e-4);
  EXPECT_THAT(message_of<Error>([&] { chosen.features("up_blocks.0", 0); }), HasSubstr("prediction 0"));
  EXPECT_THAT(message_of<Error>([&] { chosen.features("mid_block", 1); }), HasSubstr("mid_block"));
}

}  // namespace
}  // namespace assay
