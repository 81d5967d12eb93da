#include "reproductions/class_tokens/algorithm/token_learning.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros_like.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <vector>

#include "core/error.h"
#include "tests/support/tensors.h"
#include "tests/support/throws.h"

namespace assay::class_tokens {
namespace {

using test::message_of;
using test::same_bits;
using test::values;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// Two classes; the second one's logit is the row times a vector of the image's noise, in order: the gradient of the
/// cross entropy to it at a row of 0 is minus half of that vector.
struct World {
  std::vector<std::vector<float>> by_image;
  std::vector<PromptedNoise> trained;  // what was drawn with gradients
  std::vector<double> others;

  TokenLogits logits() {
    return [this](const std::vector<PromptedNoise>& images, const TokenRows& rows) {
      std::vector<at::Tensor> second;
      second.reserve(images.size());
      for (const PromptedNoise& image : images) {
        const auto number = static_cast<std::size_t>(image.noise) % by_image.size();
        second.push_back((rows.row * values(by_image[number])).sum());
        if (rows.row.requires_grad()) trained.push_back(image);
      }
      if (rows.row.requires_grad()) others.push_back(rows.others);
      const at::Tensor logit = at::stack(second);
      return at::stack({at::zeros_like(logit), logit}, 1);
    };
  }
};

LearningOptions options(LearningMode mode) {
  LearningOptions o;
  o.mode = mode;
  o.epochs = 1;
  return o;
}

TEST(TokenLearning, FixedFollowsTheSumOfTheImagesAndFaithfulTheLastOne) {
  // Four images pull down three times as hard as the last one pulls up.
  const auto after_a_step = [](LearningMode mode) {
    World world{{{-6}, {-6}, {-6}, {-6}, {2}}, {}, {}};
    return learn_token(world.logits(), values({0}), 1, 3, options(mode), 1).rows.row.item<float>();
  };
  EXPECT_LT(after_a_step(LearningMode::fixed), 0);
  EXPECT_GT(after_a_step(LearningMode::faithful), 0);
}

TEST(TokenLearning, FirstStepIsAdamWOfTheClippedGradient) {
  World world{{{3, -8}}, {}, {}};
  LearningOptions o = options(LearningMode::fixed);
  o.images = 1;
  const at::Tensor row = learn_token(world.logits(), values({0, 0}), 1, 1, o, 1).rows.row;
  // The first step of Adam is the rate times g / (|g| + eps), whatever the norm.
  EXPECT_NEAR(row[0].item<float>(), 1.25e-3, 1e-8);
  EXPECT_NEAR(row[1].item<float>(), -1.25e-3, 1e-8);
}

TEST(TokenLearning, FirstGradientIsTheMeanOverTheImagesUnclipped) {
  World world{{{30, 2}, {10, -4}}, {}, {}};
  LearningOptions o = options(LearningMode::faithful);
  o.images = 2;
  const at::Tensor gradient = first_gradient(world.logits(), values({0, 0}), 1, 1, o, 1);
  EXPECT_NEAR(gradient[0].item<float>(), -10, 1e-5);
  EXPECT_NEAR(gradient[1].item<float>(), 0.5, 1e-5);
}

TEST(TokenLearning, FaithfulShrinksAllOtherRowsByTheDecayAndFixedLeavesThem) {
  World world{{{0.1F}}, {}, {}};
  LearningOptions o = options(LearningMode::faithful);
  o.epochs = 7;
  o.accuracy_to_stop = 1;
  const LearnedToken faithful = learn_token(world.logits(), values({-1}), 1, 3, o, 1);
  EXPECT_EQ(faithful.steps, 7);
  EXPECT_NEAR(faithful.rows.others, std::pow(1 - 1.25e-3 * 1e-2, 7), 1e-15);
  EXPECT_DOUBLE_EQ(world.others.front(), 1.0);
  EXPECT_NEAR(world.others.back(), std::pow(1 - 1.25e-5, 6), 1e-15);
  o.mode = LearningMode::fixed;
  EXPECT_EQ(learn_token(world.logits(), values({-1}), 1, 3, o, 1).rows.others, 1.0);
}

TEST(TokenLearning, FaithfulMeetsTheSameNoiseEveryEpochAndFixedOtherNoise) {
  const auto noise = [](LearningMode mode) {
    World world{{{0.1F}}, {}, {}};
    LearningOptions o = options(mode);
    o.epochs = 4;
    o.accuracy_to_stop = 1;
    learn_token(world.logits(), values({-1}), 1, 3, o, 1);
    std::set<std::int64_t> seen;
    for (const PromptedNoise& image : world.trained) seen.insert(image.noise);
    return seen.size();
  };
  EXPECT_EQ(noise(LearningMode::faithful), 5U);
  EXPECT_EQ(noise(LearningMode::fixed), 20U);
}

TEST(TokenLearning, TemplatesTakeTurnsInAShuffledOrder) {
  World world{{{0.1F}}, {}, {}};
  learn_token(world.logits(), values({-1}), 1, 3, options(LearningMode::faithful), 1);
  std::vector<std::int64_t> templates;
  templates.reserve(world.trained.size());
  for (const PromptedNoise& image : world.trained) templates.push_back(image.prompt_template);
  EXPECT_THAT(templates, ::testing::UnorderedElementsAre(0, 1, 2, 0, 1));
}

TEST(TokenLearning, StopsWhenMoreThanTheShareIsRight) {
  World world{{{1}}, {}, {}};
  LearningOptions o = options(LearningMode::faithful);
  o.epochs = 50;
  const LearnedToken learned = learn_token(world.logits(), values({1}), 1, 3, o, 1);
  EXPECT_EQ(learned.steps, 1);
  EXPECT_EQ(learned.stopped, "accuracy");
}

TEST(TokenLearning, StopsAfterOneEpochMoreThanItsPatienceWithoutALowerLoss) {
  // The logits do not depend on the row: no loss is lower than the first.
  World world{{{0}}, {}, {}};
  LearningOptions o = options(LearningMode::faithful);
  o.epochs = 50;
  const LearnedToken learned = learn_token(world.logits(), values({-1}), 1, 3, o, 1);
  EXPECT_EQ(learned.stopped, "patience");
  EXPECT_EQ(learned.steps, 1 + 16);
  EXPECT_EQ(learned.kept_step, 1);
}

TEST(TokenLearning, FaithfulKeepsTheRowOneUpdateLate) {
  World world{{{1}}, {}, {}};
  LearningOptions o = options(LearningMode::faithful);
  o.epochs = 3;
  const LearnedToken late = learn_token(world.logits(), values({-1}), 1, 1, o, 1);
  EXPECT_EQ(late.kept_step, 3);  // the least loss is that of the row after step 2
  o.epochs = 2;
  const LearnedToken shorter = learn_token(world.logits(), values({-1}), 1, 1, o, 1);
  EXPECT_GT(late.rows.row.item<float>(), shorter.rows.row.item<float>());
}

TEST(TokenLearning, ACollapseGoesOnWithOtherNoise) {
  // Steps of 1 throw the row from one side of the least loss to the other.
  World world{{{-1}, {-1}, {-1}, {-1}, {20}, {-1}, {-1}, {-1}, {-1}, {20}}, {}, {}};
  LearningOptions o = options(LearningMode::faithful);
  o.epochs = 8;
  o.learning_rate = 1;
  o.accuracy_to_stop = 1;
  o.collapse = 1.01;
  const LearnedToken learned = learn_token(world.logits(), values({0}), 1, 1, o, 1);
  EXPECT_GT(learned.collapses, 0);
  std::set<std::int64_t> noise;
  for (const PromptedNoise& image : world.trained) noise.insert(image.noise);
  EXPECT_TRUE(noise.contains(5));
}

TEST(TokenLearning, FixedJudgesByNoiseThatItDoesNotTrainOn) {
  World world{{{1}}, {}, {}};
  std::set<std::int64_t> judged;
  const TokenLogits inner = world.logits();
  LearningOptions o = options(LearningMode::fixed);
  o.epochs = 3;
  o.judged = 4;
  o.accuracy_to_stop = 1;
  learn_token(
      [&](const std::vector<PromptedNoise>& images, const TokenRows& rows) {
        if (!rows.row.requires_grad())
          for (const PromptedNoise& image : images) judged.insert(image.noise);
        return inner(images, rows);
      },
      values({-1}), 1, 3, o, 1);
  EXPECT_EQ(judged.size(), 4U);
  for (const PromptedNoise& image : world.trained) EXPECT_FALSE(judged.contains(image.noise));
}

TEST(TokenLearning, DoesNotDependOnHowManyImagesAreDrawnAtOnce) {
  const auto row = [](std::int64_t batch) {
    World world{{{1, -2}, {3, 1}, {-1, 1}, {2, 2}, {0.5F, -3}}, {}, {}};
    LearningOptions o = options(LearningMode::fixed);
    o.epochs = 3;
    o.batch = batch;
    return learn_token(world.logits(), values({0.1F, -0.3F}), 1, 3, o, 1).rows.row;
  };
  EXPECT_LT(test::max_abs_difference(row(1), row(5)), 1e-6);
}

TEST(TokenLearning, RefusesAClassThatTheClassifierLacks) {
  World world{{{1}}, {}, {}};
  EXPECT_THAT(
      message_of<InputError>([&] { learn_token(world.logits(), values({0}), 2, 3, options(LearningMode::fixed), 1); }),
      HasSubstr("class 2: the classifier has 2; accepted: 0 to 1"));
}

}  // namespace
}  // namespace assay::class_tokens
