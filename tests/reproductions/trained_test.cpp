#include "reproductions/trained.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "core/error.h"
#include "core/safetensors.h"
#include "tests/reproductions/memory_run.h"
#include "tests/support/throws.h"

namespace assay {
namespace {

using test::MemoryRun;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

nlohmann::json config() { return {{"dataset", {{"name", "shapes"}, {"size", 8}, {"count", 4}}}}; }

Training training() {
  return {.name = "cond",
          .kind = "denoiser",
          .identity = {{"what", "a network"}},
          .artifact = "denoiser cond",
          .loss = "mse",
          .parameters = 7,
          .steps = 4,
          .batch = 3,
          .side = 8};
}

/// Leaves a checkpoint that says its loss, as trainers do.
TrainReport train_into(const std::filesystem::path& file, const std::function<void(std::int64_t, double)>& progress,
                       std::int64_t first_step) {
  SafetensorsWriter writer;
  writer.add_metadata("loss", "[4.0,2.0]");
  writer.write(file);
  progress(4, 2.0);
  return {.first_step = first_step, .steps = 4 - first_step, .seconds = 0.5, .loss = {4.0, 2.0}};
}

TEST(Trained, RecordsTimeCheckpointAndLossOfATraining) {
  MemoryRun run(config());
  const auto file = trained(run, training(),
                            [](const auto& target, const auto& progress) { return train_into(target, progress, 0); });
  EXPECT_TRUE(std::filesystem::exists(file));
  const StageOutput& stage = run.stages.at("train:cond");
  ASSERT_THAT(stage.timings, SizeIs(1));
  EXPECT_EQ(stage.timings[0].op, "train_step");
  EXPECT_EQ(stage.timings[0].variant, "cond");
  EXPECT_EQ(stage.timings[0].shape, "3x3x8x8");
  EXPECT_EQ(stage.timings[0].seconds, 0.5);
  EXPECT_EQ(stage.timings[0].items, 12);
  EXPECT_EQ(stage.timings[0].item_unit, "images");
  EXPECT_FALSE(stage.timings[0].flops);
  ASSERT_THAT(stage.artifacts, SizeIs(1));
  EXPECT_EQ(stage.artifacts[0].name, "denoiser cond");
  EXPECT_EQ(stage.artifacts[0].kind, "checkpoint");
  EXPECT_EQ(stage.artifacts[0].file, file);
  EXPECT_EQ(stage.artifacts[0].meta, (nlohmann::json{{"parameters", 7}}));
  ASSERT_THAT(stage.curves, SizeIs(1));
  EXPECT_EQ(stage.curves[0].name, "loss: mse");
  EXPECT_THAT(stage.curves[0].steps, ElementsAre(2, 4));
  EXPECT_THAT(stage.curves[0].values, ElementsAre(4.0, 2.0));
  EXPECT_THAT(stage.notes, IsEmpty());
}

TEST(Trained, OfAnotherRunHasTheLossOfTheCheckpointAndNoTime) {
  MemoryRun run(config());
  const auto train = [](const auto& target, const auto& progress) { return train_into(target, progress, 0); };
  const auto first = trained(run, training(), train);
  run.stages.clear();
  const auto never = [](const auto& /*target*/, const auto& /*progress*/) -> TrainReport {
    throw Error("trained twice");
  };
  EXPECT_EQ(trained(run, training(), never), first);
  const StageOutput& stage = run.stages.at("train:cond");
  EXPECT_THAT(stage.timings, IsEmpty());
  EXPECT_THAT(stage.notes, ElementsAre("cond: trained before, taken from the cache"));
  ASSERT_THAT(stage.curves, SizeIs(1));
  EXPECT_THAT(stage.curves[0].values, ElementsAre(4.0, 2.0));
}

TEST(Trained, SaysFromWhichStepATrainingWentOnAndTimesTheRest) {
  MemoryRun run(config());
  trained(run, training(), [](const auto& target, const auto& progress) { return train_into(target, progress, 1); });
  const StageOutput& stage = run.stages.at("train:cond");
  EXPECT_THAT(stage.notes, ElementsAre("training of cond went on from step 1; its timing covers the rest"));
  EXPECT_EQ(stage.timings.at(0).items, 9);
}

TEST(Trained, RefusesAFinishedStageWhoseCheckpointIsGone) {
  MemoryRun run(config());
  const auto train = [](const auto& target, const auto& progress) { return train_into(target, progress, 0); };
  std::filesystem::remove(trained(run, training(), train));
  EXPECT_THAT(test::message_of<InputError>([&] { trained(run, training(), train); }),
              HasSubstr("the checkpoint of a finished stage is gone"));
}

TEST(LossCurve, PutsEachMeanAtTheLastStepOfItsShareAndGoesOn) {
  Curve curve = loss_curve("mse");
  EXPECT_EQ(curve.name, "loss: mse");
  add_losses(curve, {3.0, 2.0}, 3);  // steps 1 and 2, then step 3
  add_losses(curve, {1.0}, 1);
  EXPECT_THAT(curve.steps, ElementsAre(2, 3, 4));
  EXPECT_THAT(curve.values, ElementsAre(3.0, 2.0, 1.0));
  add_losses(curve, {}, 0);
  EXPECT_THAT(curve.steps, SizeIs(3));
}

}  // namespace
}  // namespace assay
