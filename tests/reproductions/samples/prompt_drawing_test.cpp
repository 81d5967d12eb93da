#include "reproductions/samples/prompt_drawing.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/ones.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "core/error.h"
#include "diffusion/sampling/diffusers/make_scheduler.h"
#include "tests/diffusion/small_text_to_image.h"
#include "tests/support/tensors.h"
#include "tests/support/throws.h"

namespace assay {
namespace {

using test::small_text_to_image;

class PromptDrawingTest : public ::testing::Test {
 protected:
  PromptDrawing drawing(const std::vector<std::string>& prompts, const char* scheduler = "ddim") const {
    PromptDrawing d;
    d.prompts = model->states(prompts).detach();
    d.weight = 2;
    nlohmann::json config = model->config().scheduler;
    config["skip_prk_steps"] = true;
    d.scheduler = [config, scheduler] { return scheduler_of_config(config, "scheduler", scheduler); };
    d.steps = 3;
    d.seed = 5;
    d.passes = passes_of(*model, at::kCPU);
    return d;
  }
  at::Tensor draw(const PromptDrawing& d, const std::vector<PromptedSample>& samples) const {
    return draw_prompts(*model, d, samples, [](std::int64_t) {});
  }
  /// The attention to the text of each sample, which is drawn on the way, and the images.
  std::map<std::int64_t, at::Tensor> recorded(const PromptDrawing& d, const std::vector<PromptedSample>& samples,
                                              at::Tensor* images = nullptr) const {
    std::map<std::int64_t, at::Tensor> cross;
    const AttentionRecording recording = {{.cross_side = 4, .self_side = 2},
                                          [&](const SamplePass& pass, const AttentionRecorder& recorder) {
                                            for (std::int64_t i = 0; i < pass.kept; ++i)
                                              cross[pass.begin + i] = recorder.cross()[i];
                                          }};
    const at::Tensor drawn = draw_prompts(
        *model, d, samples, [](std::int64_t) {}, &recording);
    if (images) *images = drawn;
    return cross;
  }
  const std::unique_ptr<TextToImage> model = small_text_to_image();
};

TEST_F(PromptDrawingTest, DrawsAnImageThatDependsOnItsOwnPromptAndNoiseAlone) {
  const PromptDrawing both = drawing({"a red cat", "a bat"});
  std::vector<PromptedSample> samples;
  for (std::int64_t prompt = 0; prompt < 2; ++prompt)
    for (std::int64_t noise = 0; noise < 7; ++noise) samples.push_back({prompt, noise});
  const at::Tensor all = draw(both, samples);
  ASSERT_EQ(all.size(0), 14);
  EXPECT_TRUE(at::equal(draw(drawing({"a bat"}), {{0, 4}}), all.narrow(0, 7 + 4, 1)));
  EXPECT_FALSE(at::equal(all.narrow(0, 0, 1), all.narrow(0, 1, 1))) << "another noise";
  EXPECT_FALSE(at::equal(all.narrow(0, 0, 1), all.narrow(0, 7, 1))) << "another prompt";
  PromptDrawing other = drawing({"a bat"});
  other.seed = 6;
  EXPECT_FALSE(at::equal(draw(other, {{0, 4}}), all.narrow(0, 7 + 4, 1))) << "another seed";
  other = drawing({"a bat"});
  other.negative = model->states({"a red cat"}).detach();
  EXPECT_FALSE(at::equal(draw(other, {{0, 4}}), all.narrow(0, 7 + 4, 1))) << "another negative prompt";
}

TEST_F(PromptDrawingTest, CountsTheCallsOfTheNetwork) {
  const PromptDrawing d = drawing({"a bat"}, "pndm");
  std::int64_t last = 0;
  draw_prompts(*model, d, std::vector<PromptedSample>(12), [&](std::int64_t done) { last = done; });
  // Twelve samples are two passes, and PNDM asks once more than it steps.
  EXPECT_EQ(calls_of_drawing(d, 12), 2 * 4);
  EXPECT_EQ(last, 2 * 4);
}

TEST_F(PromptDrawingTest, RecordsTheAttentionOfEachSampleAndChangesNoBit) {
  const PromptDrawing both = drawing({"a red cat", "a bat"});
  std::vector<PromptedSample> samples;
  for (std::int64_t noise = 0; noise < 7; ++noise)
    for (std::int64_t prompt = 0; prompt < 2; ++prompt) samples.push_back({prompt, noise});
  at::Tensor images;
  const auto cross = recorded(both, samples, &images);
  EXPECT_TRUE(at::equal(images, draw(both, samples)));
  ASSERT_EQ(cross.size(), 14U);
  for (const auto& [sample, map] : cross)
    EXPECT_LT(test::max_abs_difference(map.sum(0), at::ones({16})), 1e-5) << sample;
  EXPECT_TRUE(test::same_bits(recorded(drawing({"a bat"}), {{0, 4}}).at(0), cross.at(9)))
      << "whatever is drawn beside it";
  EXPECT_GT(test::max_abs_difference(cross.at(8), cross.at(9)), 1e-5) << "another prompt";
}

TEST_F(PromptDrawingTest, RecordsTheAttentionOfThePromptAndNotOfTheNegativeOne) {
  PromptDrawing guided = drawing({"a red cat"});
  guided.steps = 1;
  PromptDrawing alone = guided, negative = guided;
  alone.weight = 1;
  negative.negative = model->states({"a bat"}).detach();
  const at::Tensor expected = recorded(alone, {{0, 0}}).at(0);
  EXPECT_LT(test::max_abs_difference(recorded(guided, {{0, 0}}).at(0), expected), 1e-6);
  EXPECT_LT(test::max_abs_difference(recorded(negative, {{0, 0}}).at(0), expected), 1e-6);
  negative.weight = 0;
  EXPECT_THAT(test::message_of<InputError>([&] {
                recorded(negative, {{0, 0}});
              }),
              ::testing::HasSubstr("a guidance weight of 0"));
}

TEST_F(PromptDrawingTest, RefusesStepsThatTheSchedulerCannotTake) {
  PromptDrawing d = drawing({"a bat"});
  d.steps = 2000;
  EXPECT_THAT(test::message_of<InputError>([&] { calls_of_drawing(d, 1); }), ::testing::HasSubstr("2000 steps"));
}

}  // namespace
}  // namespace assay
