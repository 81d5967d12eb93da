#include "diffusion/networks/sd/attention_recorder.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/ones.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "core/error.h"
#include "diffusion/guidance/prompt_guidance.h"
#include "diffusion/networks/sd/observed_denoiser.h"
#include "diffusion/sampling/diffusers/make_scheduler.h"
#include "diffusion/sampling/scheduler_sampler.h"
#include "tests/diffusion/golden.h"
#include "tests/diffusion/observed_cost.h"
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

/// Names, positions and keys in the order in which they are shown.
class Listing : public AttentionObserver {
 public:
  void see(const std::string& module, const ObservedAttention& attention) override {
    names.push_back(module);
    positions[module] = attention.queries();
    keys[module] = attention.keys();
  }
  std::vector<std::string> names;
  std::map<std::string, std::int64_t> positions, keys;
};

TEST(AttentionModules, AreThoseThatAnObserverSees) {
  const at::NoGradGuard no_grad;
  // Among them latents that do not halve evenly, lists of layers, and a first attention that looks at the text.
  for (const auto& [pack, name] : {std::pair("sd.unet.levels", "2x8x8"), std::pair("sd.unet.levels", "1x13x11"),
                                   std::pair("sd.unet.linear", "2x15x9"), std::pair("sd.unet.lists", "1x7x10")}) {
    const PackedUNet unet(golden(pack));
    Listing seen;
    unet.predict(name, &seen);
    const std::int64_t tokens = unet.tensor(std::string(name) + "/in.encoder_hidden_states").size(1);
    std::vector<std::string> names;
    for (const AttentionModule& module : attention_modules(unet.network.config(), unet.latents(name))) {
      names.push_back(module.name);
      EXPECT_EQ(seen.positions[module.name], module.grid.positions()) << name << " " << module.name;
      EXPECT_EQ(seen.keys[module.name], module.at_text ? tokens : module.grid.positions()) << name << module.name;
    }
    EXPECT_EQ(seen.names, names) << pack << " " << name;
  }
}

TEST(AttentionModules, OfStableDiffusionAreFiveAtEachOfThreeSizesAndOneInTheMiddle) {
  std::ifstream file(golden("manifests") / "sd15_unet.json");
  const SdUNetConfig unet = read_sd_unet_config(nlohmann::json::parse(file).at("config"), "config");
  std::map<std::int64_t, int> at_text, at_image;
  for (const AttentionModule& module : attention_modules(unet, {64, 64}))
    ++(module.at_text ? at_text : at_image)[module.grid.height];
  const std::map<std::int64_t, int> expected = {{64, 5}, {32, 5}, {16, 5}, {8, 1}};
  EXPECT_EQ(at_text, expected);
  EXPECT_EQ(at_image, expected);
}

/// The official maps of a pack: the mean over heads and over these modules, [B, Q, K].
at::Tensor official_mean(const PackedUNet& unet, const std::string& name, const std::vector<std::string>& modules) {
  at::Tensor sum;
  for (const std::string& module : modules) {
    const at::Tensor map = unet.tensor(name + "/out.probs:" + module).mean(1);
    sum = sum.defined() ? sum + map : map;
  }
  return sum / static_cast<double>(modules.size());
}

std::vector<std::string> of_transformers(const std::vector<std::string>& transformers, const char* attention) {
  std::vector<std::string> names;
  names.reserve(transformers.size());
  for (const std::string& name : transformers) names.push_back(name + ".transformer_blocks.0." + attention);
  return names;
}

TEST(AttentionRecorder, GivesTheMeanOfTheOfficialMapsOfOneSize) {
  const at::NoGradGuard no_grad;
  const PackedUNet unet(golden("sd.unet.levels"));
  AttentionRecorder recorder(unet.network.config(), {8, 8}, 2, {.cross_side = 8, .self_side = 4});
  unet.predict("2x8x8", &recorder);
  const at::Tensor cross = official_mean(
      unet, "2x8x8",
      of_transformers({"down_blocks.0.attentions.0", "down_blocks.0.attentions.1", "up_blocks.2.attentions.0",
                       "up_blocks.2.attentions.1", "up_blocks.2.attentions.2"},
                      "attn2"));
  const at::Tensor self = official_mean(
      unet, "2x8x8",
      of_transformers({"down_blocks.1.attentions.0", "down_blocks.1.attentions.1", "up_blocks.1.attentions.0",
                       "up_blocks.1.attentions.1", "up_blocks.1.attentions.2"},
                      "attn1"));
  EXPECT_THAT(recorder.cross().sizes(), ElementsAre(2, 7, 64));
  EXPECT_THAT(recorder.self().sizes(), ElementsAre(2, 16, 16));
  EXPECT_LT(max_abs_difference(recorder.cross(), cross.transpose(1, 2)), 2e-5);
  EXPECT_LT(max_abs_difference(recorder.self(), self), 2e-5);
  EXPECT_LT(max_abs_difference(recorder.cross().sum(1), at::ones({2, 64})), 1e-5) << "of all tokens";
  EXPECT_LT(max_abs_difference(recorder.self().sum(2), at::ones({2, 16})), 1e-5) << "a row";
}

TEST(AttentionRecorder, GivesTheMeanOfTheOfficialMapsOfBothLayouts) {
  const at::NoGradGuard no_grad;
  for (const char* pack : {"sd.unet", "sd.unet.v2"}) {
    ASSAY_NEEDS_SHARED_GOLDEN(pack);
    const PackedUNet unet(shared_golden(pack));
    AttentionRecorder recorder(unet.network.config(), {8, 8}, 1, {.cross_side = 4, .self_side = 8});
    unet.predict("attention_maps", &recorder);
    const at::Tensor cross =
        official_mean(unet, "attention_maps", of_transformers({"mid_block.attentions.0"}, "attn2"));
    const at::Tensor self = official_mean(
        unet, "attention_maps",
        of_transformers({"down_blocks.0.attentions.0", "up_blocks.1.attentions.0", "up_blocks.1.attentions.1"},
                        "attn1"));
    EXPECT_LT(max_abs_difference(recorder.cross(), cross.transpose(1, 2)), 5e-5) << pack;
    EXPECT_LT(max_abs_difference(recorder.self(), self), 5e-5) << pack;
  }
}

TEST(AttentionRecorder, RecordsWithinTheBlocksThatAreNamedAlone) {
  const at::NoGradGuard no_grad;
  const PackedUNet unet(golden("sd.unet.levels"));
  const std::vector<std::string> transformers = {"down_blocks.0.attentions.1", "up_blocks.2.attentions.0",
                                                 "up_blocks.2.attentions.1", "up_blocks.2.attentions.2"};
  AttentionRecorder recorder(unet.network.config(), {8, 8}, 2,
                             {.cross_side = 8, .self_side = 0, .within = {"up_blocks", "down_blocks.0.attentions.1"}});
  unet.predict("2x8x8", &recorder);
  const at::Tensor expected = official_mean(unet, "2x8x8", of_transformers(transformers, "attn2"));
  EXPECT_LT(max_abs_difference(recorder.cross(), expected.transpose(1, 2)), 2e-5);
  EXPECT_THAT(message_of<Error>([&] { recorder.self(); }), HasSubstr("nothing was recorded"));
}

/// A text model that draws images of 4 x 4 or of another size, and what it is asked.
class RecordingTest : public ::testing::Test {
 protected:
  AttentionRecorder recorder(const AttentionRecorderOptions& options, std::int64_t images = 2,
                             LatentGrid latents = {4, 4}) const {
    return {model->unet().config(), latents, images, options};
  }
  const at::NoGradGuard no_grad;
  const std::unique_ptr<TextToImage> model = test::small_text_to_image();
  const at::Tensor x = normal({2, 3, 4, 4}, 3), t = indices({900, 20});
  const at::Tensor prompts = model->states({"a red cat", "a bat"}), empty = model->states({"", ""});
  const AttentionRecorderOptions sides = {.cross_side = 4, .self_side = 2};
};

TEST_F(RecordingTest, TakesTheRowsOfThePromptsOfAGuidedBatch) {
  AttentionRecorder guided = recorder(sides), alone = recorder(sides), negative = recorder(sides);
  const auto predicted_by = [&](AttentionRecorder& r, double weight) {
    PromptGuidance guidance(Condition::of_text(prompts), Condition::of_text(empty), weight);
    guidance.predict(ObservedDenoiser(*model, r), {x, t, 0.5});
  };
  predicted_by(guided, 3);
  predicted_by(alone, 1);
  predicted_by(negative, 0);
  EXPECT_THAT(guided.cross().sizes(), ElementsAre(2, 10, 16));
  EXPECT_LT(max_abs_difference(guided.cross(), alone.cross()), 1e-6);
  EXPECT_LT(max_abs_difference(guided.self(), alone.self()), 1e-6);
  EXPECT_GT(max_abs_difference(guided.cross(), negative.cross()), 1e-4);
}

TEST_F(RecordingTest, GivesEachGroupOfPredictionsItsOwnMean) {
  AttentionRecorderOptions groups = sides;
  groups.groups = {{0, 3}, {1, 3}, {}, {3, 9}};
  AttentionRecorder all = recorder(groups);
  std::vector<at::Tensor> cross, self;
  for (const std::int64_t time : {900, 500, 10}) {
    const at::Tensor at_time = x + static_cast<double>(time) / 500;
    AttentionRecorder one = recorder(sides);
    for (AttentionRecorder* r : {&all, &one}) model->predict(at_time, indices({time}), Condition::of_text(prompts), r);
    cross.push_back(one.cross());
    self.push_back(one.self());
  }
  EXPECT_EQ(all.predictions(), 3);
  EXPECT_GT(max_abs_difference(cross[0], cross[2]), 1e-3) << "else the groups tell nothing";
  EXPECT_LT(max_abs_difference(all.cross(0), (cross[0] + cross[1] + cross[2]) / 3), 1e-6);
  EXPECT_LT(max_abs_difference(all.cross(1), (cross[1] + cross[2]) / 2), 1e-6);
  EXPECT_LT(max_abs_difference(all.self(1), (self[1] + self[2]) / 2), 1e-6);
  EXPECT_TRUE(same_bits(all.self(2), all.self(0))) << "without an end";
  EXPECT_THAT(message_of<Error>([&] { all.cross(3); }), HasSubstr("group 3"));
}

TEST_F(RecordingTest, TakesLatentsThatAreNotSquare) {
  AttentionRecorder wide = recorder({.cross_side = 3, .self_side = 2}, 1, {3, 5});
  model->predict(normal({1, 3, 3, 5}, 4), indices({7}), Condition::of_text(prompts.narrow(0, 0, 1)), &wide);
  EXPECT_EQ(wide.cross_grid(), (LatentGrid{3, 5}));
  EXPECT_EQ(wide.self_grid(), (LatentGrid{2, 3}));
  EXPECT_THAT(wide.cross().sizes(), ElementsAre(1, 10, 15));
  EXPECT_THAT(wide.self().sizes(), ElementsAre(1, 6, 6));
}

TEST_F(RecordingTest, ChangesNoBitOfADrawing) {
  nlohmann::json config = model->config().scheduler;
  const SchedulerSampler sampler([&] { return scheduler_of_config(config, "scheduler", "ddim"); }, 4);
  const auto drawn_by = [&](const Denoiser& denoiser) {
    PromptGuidance guidance(Condition::of_text(prompts), Condition::of_text(empty), 3);
    return sampler.sample(denoiser, guidance, x);
  };
  AttentionRecorder watching = recorder(sides);
  EXPECT_TRUE(same_bits(drawn_by(ObservedDenoiser(*model, watching)), drawn_by(*model)));
  EXPECT_EQ(watching.predictions(), 4);
}

TEST_F(RecordingTest, RefusesWhatIsNotThere) {
  const auto refused = [&](const AttentionRecorderOptions& options) {
    return message_of<InputError>([&] { recorder(options); });
  };
  EXPECT_THAT(refused({.cross_side = 16, .self_side = 2}),
              AllOf(HasSubstr("attention to the text: no layer has 16 rows"), HasSubstr("4, 2")));
  EXPECT_THAT(refused({.cross_side = 4, .self_side = 3}), HasSubstr("attention to the image: no layer has 3 rows"));
  EXPECT_THAT(refused({.cross_side = 4, .self_side = 2, .within = {"down_blocks"}}),
              AllOf(HasSubstr("within down_blocks"), HasSubstr("accepted: mid_block.attentions.0")));
  EXPECT_THAT(refused({.cross_side = 4, .self_side = 2, .groups = {{3, 3}}}), HasSubstr("predictions 3 to 3"));
  AttentionRecorder two = recorder(sides);
  const auto shown = [&](const at::Tensor& latents) {
    const std::vector<std::string> nothing(static_cast<std::size_t>(latents.size(0)));
    model->predict(latents, indices({5}), Condition::of_text(model->states(nothing)), &two);
  };
  EXPECT_THAT(message_of<InputError>([&] { shown(normal({2, 3, 6, 4}, 1)); }), HasSubstr("latents of 6 x 4"));
  EXPECT_THAT(message_of<Error>([&] { shown(normal({3, 3, 4, 4}, 1)); }), HasSubstr("a batch of 3 for 2 images"));
}

TEST(ObservedAttention, GivesTheSameMeanInParts) {
  const ObservedAttention attention(normal({3, 2, 20, 8}, 1), normal({3, 2, 30, 8}, 2));
  const at::Tensor expected = attention.map(1, 2).mean(1);
  // All at once; an image at a time; some queries of an image; one.
  for (const std::int64_t most : {10000, 1300, 200, 1})
    EXPECT_LT(max_abs_difference(attention.mean_of_heads(1, 2, most), expected), 1e-6) << most;
}

TEST(ObservedAttention, NeverHoldsTheMapOfALargeLayer) {
  constexpr std::int64_t heads = 8, positions = 1024;
  const ObservedAttention attention(normal({2, heads, positions, 4}, 1), normal({2, heads, positions, 4}, 2));
  constexpr std::int64_t mean = 2 * positions * positions * 4, map = heads * mean, most = 1 << 18;
  const auto peak = test::observe([&] { return attention.mean_of_heads(0, 2, most); }).peak;
  // Scores, their softmax, and the mean of a part beside the mean of all.
  EXPECT_LT(peak, mean + 4 * most * 4);
  EXPECT_LT(peak, map / 4);
  EXPECT_GT(peak, mean);
}

}  // namespace
}  // namespace assay
