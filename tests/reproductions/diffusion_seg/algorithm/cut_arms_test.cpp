#include "reproductions/diffusion_seg/algorithm/cut_arms.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace assay::diffusion_seg {
namespace {

using Mask = std::vector<std::uint8_t>;

/// 4 x 4 positions: the left half is one object, of which cross-attention sees the upper part well and the lower one
/// hardly, while positions of one side attend to their own side alone.
KeptMaps two_sides() {
  KeptMaps maps{4, 4, std::vector<float>(16), std::vector<float>(256)};
  for (std::size_t i = 0; i < 16; ++i) {
    const bool left = i % 4 < 2;
    maps.cross[i] = left ? (i < 8 ? 1.0f : 0.45f) : 0.05f;
    for (std::size_t j = 0; j < 16; ++j) maps.self[16 * i + j] = (j % 4 < 2) == left ? 0.125f : 0.0f;
  }
  return maps;
}

const Mask left_half = {1, 1, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0},
           upper_left = {1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};

Mask by(CutArm arm, double lambda = 1.0, double threshold = 0.5) {
  const CutChoices choices{.threshold = threshold,
                           .lambda = {{"cut", lambda}, {"cut_8", lambda}, {"cut_colour", lambda}}};
  const std::vector<float> white(48, 1.0f);
  return mask_by(arm, two_sides(), white, {}, choices, 4, 4);
}

TEST(CutArms, CutsAddWhatCrossAttentionMisses) {
  EXPECT_EQ(by(CutArm::threshold), upper_left);
  for (const CutArm arm : energy_arms) {
    EXPECT_EQ(by(arm), left_half) << name_of(arm, cut_arm_names);
    EXPECT_EQ(by(arm, 0.0), upper_left) << "without links a cut is a threshold of one half";
  }
  EXPECT_EQ(by(CutArm::propagated), left_half);
}

TEST(CutArms, TheBestThresholdIsTheOneThatWasChosen) {
  EXPECT_EQ(by(CutArm::best_threshold, 1.0, 0.4), left_half);
  EXPECT_EQ(by(CutArm::best_threshold, 1.0, 0.9), upper_left);
}

TEST(CutArms, ColoursKeepDifferentPixelsApart) {
  // The lower left is of another colour: its links are cut, and cross-attention alone decides.
  std::vector<float> rgb(48, 1.0f);
  for (std::size_t i = 8; i < 16; ++i) std::fill_n(rgb.begin() + static_cast<std::ptrdiff_t>(3 * i), 3, 0.0f);
  const CutChoices choices{.threshold = 0.5, .lambda = {{"cut", 1.0}, {"cut_colour", 1.0}}};
  EXPECT_EQ(mask_by(CutArm::cut_colour, two_sides(), rgb, {}, choices, 4, 4), upper_left);
  EXPECT_EQ(mask_by(CutArm::cut, two_sides(), rgb, {}, choices, 4, 4), left_half);
}

TEST(CutArms, TheOracleIsNoWorseThanAnyThreshold) {
  EXPECT_EQ(mask_by_truth(CutArm::oracle_threshold, two_sides(), left_half, 4, 4, 0, 0), left_half);
}

TEST(CutArms, RandomMasksHaveTheAreaOfTheTruthAndTheirOwnStream) {
  const auto random = [](std::uint64_t seed, std::uint64_t item) {
    return mask_by_truth(CutArm::random, two_sides(), left_half, 4, 4, seed, item);
  };
  EXPECT_EQ(random(1, 2), random(1, 2));
  std::int64_t ones = 0;
  for (std::uint64_t item = 0; item < 400; ++item) {
    const Mask mask = random(1, item);
    ones += std::count(mask.begin(), mask.end(), std::uint8_t{1});
  }
  // 6,400 coins: four deviations are 160.
  EXPECT_NEAR(static_cast<double>(ones), 3200.0, 160.0);
}

TEST(CutArms, MasksHaveTheSizeOfTheImage) {
  const CutChoices choices{.threshold = 0.5, .lambda = {}};
  const Mask mask = mask_by(CutArm::threshold, two_sides(), {}, {}, choices, 8, 8);
  ASSERT_EQ(mask.size(), 64U);
  EXPECT_EQ(mask.front(), 1);
  EXPECT_EQ(mask.back(), 0);
}

}  // namespace
}  // namespace assay::diffusion_seg
