#include "diffusion/networks/sd/sd_configurations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/support/throws.h"

namespace assay {
namespace {

using test::message_of;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// Three levels, all that a file must say.
nlohmann::json three_levels() {
  return {{"block_out_channels", {32, 64, 64}},
          {"down_block_types", {"CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"}},
          {"up_block_types", {"UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"}}};
}

std::string unet_refusal(const char* key, const nlohmann::json& value) {
  nlohmann::json config = three_levels();
  config[key] = value;
  return message_of<InputError>([&] { read_sd_unet_config(config, "unet/config.json"); });
}

TEST(SdUNetConfig, HasTheDefaultsOfDiffusers) {
  const SdUNetConfig c = read_sd_unet_config(nlohmann::json::object(), "config");
  EXPECT_THAT(c.block_out_channels, ElementsAre(320, 640, 1280, 1280));
  EXPECT_THAT(c.down_attention, ElementsAre(true, true, true, false));
  EXPECT_THAT(c.up_attention, ElementsAre(false, true, true, true));
  EXPECT_THAT(c.layers_per_block, ElementsAre(2, 2, 2, 2));
  EXPECT_THAT(c.heads, ElementsAre(8, 8, 8, 8));
  EXPECT_THAT(c.cross_attention_dim, ElementsAre(1280, 1280, 1280, 1280));
  EXPECT_EQ(c.norm_num_groups, 32);
  EXPECT_EQ(c.norm_eps, 1e-5);
  EXPECT_TRUE(c.flip_sin_to_cos);
  EXPECT_FALSE(c.use_linear_projection);
}

TEST(SdUNetConfig, TakesOneValueForAllLevelsOrAListOfThem) {
  nlohmann::json config = three_levels();
  config.update({{"attention_head_dim", {1, 2, 4}}, {"layers_per_block", 1}, {"sample_size", {48, 64}}});
  const SdUNetConfig c = read_sd_unet_config(config, "config");
  EXPECT_THAT(c.heads, ElementsAre(1, 2, 4));
  EXPECT_THAT(c.layers_per_block, ElementsAre(1, 1, 1));
  EXPECT_THAT(c.sample_size, ElementsAre(48, 64));
  EXPECT_THAT(unet_refusal("attention_head_dim", {1, 2}),
              HasSubstr("unet/config.json.attention_head_dim: 2 entries for 3 levels"));
}

TEST(SdUNetConfig, IsOfNoOtherClass) {
  EXPECT_THAT(unet_refusal("_class_name", "UNet2DModel"),
              AllOf(HasSubstr("unet/config.json._class_name: \"UNet2DModel\""), HasSubstr("\"UNet2DConditionModel\"")));
  EXPECT_THAT(message_of<InputError>([] {
                read_sd_vae_config({{"_class_name", "AutoencoderTiny"}}, "vae/config.json");
              }),
              AllOf(HasSubstr("vae/config.json._class_name"), HasSubstr("\"AutoencoderKL\"")));
}

TEST(SdUNetConfig, PassesOverWhatADiffusersFileSaysOfItself) {
  nlohmann::json config = three_levels();
  config.update({{"_class_name", "UNet2DConditionModel"},
                 {"_diffusers_version", "0.42.1"},
                 {"class_embed_type", nullptr},
                 {"dropout", 0.0},
                 {"dual_cross_attention", false},
                 {"mid_block_type", "UNetMidBlock2DCrossAttn"},
                 {"num_attention_heads", nullptr},
                 {"sample_size", nullptr},
                 {"upcast_attention", true}});
  EXPECT_EQ(read_sd_unet_config(config, "config").levels(), 3);
}

TEST(SdUNetConfig, RefusesByKeyWhatIsNotBuilt) {
  EXPECT_THAT(unet_refusal("class_embed_type", "timestep"),
              AllOf(HasSubstr("unet/config.json.class_embed_type: \"timestep\""), HasSubstr("accepted: null")));
  EXPECT_THAT(unet_refusal("addition_embed_type", "text_time"), HasSubstr("config.json.addition_embed_type"));
  EXPECT_THAT(unet_refusal("resnet_time_scale_shift", "scale_shift"), HasSubstr("accepted: \"default\""));
  EXPECT_THAT(unet_refusal("mid_block_type", nullptr), HasSubstr("accepted: \"UNetMidBlock2DCrossAttn\""));
  EXPECT_THAT(unet_refusal("down_block_types", {"CrossAttnDownBlock2D", "AttnDownBlock2D", "DownBlock2D"}),
              AllOf(HasSubstr("down_block_types: 'AttnDownBlock2D'"), HasSubstr("CrossAttnDownBlock2D, DownBlock2D")));
  EXPECT_THAT(unet_refusal("act_fn", "gelu"), HasSubstr("act_fn: unknown value 'gelu'"));
  EXPECT_THAT(unet_refusal("num_attention_heads", 8), HasSubstr("attention_head_dim is the number of heads"));
  EXPECT_THAT(unet_refusal("transformer_layers_per_block", {{1, 1}, {1, 1}, {1, 1}}),
              HasSubstr("transformer_layers_per_block"));
  EXPECT_THAT(unet_refusal("cross_attention_dims", 8), HasSubstr("did you mean 'cross_attention_dim'"));
}

TEST(SdUNetConfig, RefusesWhatCannotBeBuilt) {
  EXPECT_THAT(unet_refusal("norm_num_groups", 24), HasSubstr("block_out_channels: 32 is not a multiple"));
  EXPECT_THAT(unet_refusal("attention_head_dim", 40), HasSubstr("attention_head_dim: 40 heads for 32 channels"));
  EXPECT_THAT(unet_refusal("cross_attention_dim", {16, 16, 24}),
              HasSubstr("cross_attention_dim: 16 and 24; the same text goes to all levels"));
  EXPECT_THAT(unet_refusal("up_block_types", {"UpBlock2D"}), HasSubstr("1 entries for 3 levels"));
  EXPECT_THAT(message_of<InputError>([] { read_sd_unet_config(nlohmann::json::array(), "unet/config.json"); }),
              HasSubstr("unet/config.json: expected a JSON object"));
}

TEST(SdVaeConfig, ReadsWhatDiffusersWrites) {
  const SdVaeConfig c = read_sd_vae_config({{"_class_name", "AutoencoderKL"},
                                            {"block_out_channels", {16, 32}},
                                            {"down_block_types", {"DownEncoderBlock2D", "DownEncoderBlock2D"}},
                                            {"up_block_types", {"UpDecoderBlock2D", "UpDecoderBlock2D"}},
                                            {"norm_num_groups", 8},
                                            {"force_upcast", true},
                                            {"latents_mean", nullptr},
                                            {"latents_std", nullptr},
                                            {"sample_size", 16},
                                            {"shift_factor", nullptr}},
                                           "config");
  EXPECT_THAT(c.block_out_channels, ElementsAre(16, 32));
  EXPECT_EQ(c.scaling_factor, 0.18215);
  EXPECT_FALSE(c.shift_factor.has_value());
}

TEST(SdVaeConfig, RefusesByKeyWhatIsNotBuilt) {
  const auto refused = [](const nlohmann::json& config) {
    return message_of<InputError>([&] { read_sd_vae_config(config, "vae/config.json"); });
  };
  EXPECT_THAT(refused({{"latents_mean", {0.1}}}), HasSubstr("vae/config.json.latents_mean: [0.1] is not built"));
  EXPECT_THAT(refused({{"down_block_types", {"AttnDownEncoderBlock2D"}}}), HasSubstr("accepted: DownEncoderBlock2D"));
  EXPECT_THAT(refused({{"block_out_channels", {64, 64}}}), HasSubstr("down_block_types: 1 entries for 2 levels"));
  EXPECT_THAT(refused({{"scaling_factor", 0}}), HasSubstr("scaling_factor: 0"));
}

}  // namespace
}  // namespace assay
