#include "metrics/features/augment.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

#include "tests/support/tensors.h"

namespace assay {
namespace {

using test::max_abs_difference;
using test::normal;
using test::same_bits;
using ::testing::ElementsAre;
using ::testing::SizeIs;

at::Tensor unit_images(std::int64_t count, std::uint64_t seed) { return normal({count, 3, 8, 8}, seed).clamp(-1, 1); }

Augmentation everything() {
  Augmentation ranges;
  ranges.smallest_crop = 0.5;
  ranges.shift = 0.1;
  ranges.flip = true;
  ranges.brightness = 0.2;
  ranges.contrast = 0.3;
  ranges.colour = 0.4;
  ranges.grey = 0.3;
  ranges.channel_shuffle = 0.5;
  return ranges;
}

TEST(Augment, ByNothingLeavesImagesUnchanged) {
  const at::Tensor images = unit_images(4, 1);
  EXPECT_LT(max_abs_difference(augment(images, Augmentation{}, 3, 0), images), 1e-5);
}

TEST(Augment, GivesAnImageTheSameChangeInAnyBatch) {
  const at::Tensor images = unit_images(6, 1);
  const at::Tensor all = augment(images, everything(), 3, 100);
  EXPECT_GT(max_abs_difference(all, images), 0.1);
  EXPECT_TRUE(same_bits(augment(images.narrow(0, 2, 3).contiguous(), everything(), 3, 102), all.narrow(0, 2, 3)));
  EXPECT_FALSE(same_bits(augment(images, everything(), 4, 100), all));
}

TEST(Augment, StaysInRange) {
  const at::Tensor out = augment(unit_images(32, 2), everything(), 1, 0);
  EXPECT_LE(out.abs().max().item<double>(), 1.0);
}

TEST(Augment, FlipsAboutHalfOfTheImagesExactly) {
  Augmentation ranges;
  ranges.flip = true;
  const at::Tensor images = unit_images(200, 2), mirrored = images.flip({3});
  const at::Tensor out = augment(images, ranges, 9, 0);
  int flipped = 0;
  for (std::int64_t i = 0; i < 200; ++i) {
    const double straight = max_abs_difference(out.select(0, i), images.select(0, i));
    const double turned = max_abs_difference(out.select(0, i), mirrored.select(0, i));
    EXPECT_LT(std::min(straight, turned), 1e-5);
    flipped += turned < straight;
  }
  EXPECT_NEAR(flipped, 100, 5 * std::sqrt(50.0));
}

TEST(Augment, CropsHaveSidesOfTheirRange) {
  Augmentation ranges;
  ranges.smallest_crop = 0.25;
  ranges.largest_crop = 0.5;
  // Of a ramp a crop of side s is a ramp of slope s: between the two middle pixels no border is in play.
  const at::Tensor ramp = at::arange(8, at::kFloat).div(8).view({1, 1, 1, 8}).expand({200, 3, 8, 8});
  const at::Tensor out = augment(ramp, ranges, 4, 0);
  const at::Tensor side = (out.select(3, 4) - out.select(3, 3)).mul(8).select(1, 0).select(1, 4);
  EXPECT_GE(side.min().item<double>(), 0.25 - 1e-5);
  EXPECT_LE(side.max().item<double>(), 0.5 + 1e-5);
  EXPECT_LT(side.min().item<double>(), 0.27);
  EXPECT_GT(side.max().item<double>(), 0.48);
}

TEST(Augment, ByGreyGivesEveryChannelTheirMean) {
  Augmentation ranges;
  ranges.grey = 1.0;
  const at::Tensor images = unit_images(3, 2), out = augment(images, ranges, 1, 0);
  for (std::int64_t c = 0; c < 3; ++c) EXPECT_LT(max_abs_difference(out.select(1, c), images.mean(1)), 1e-5);
}

TEST(Augment, ByChannelShuffleKeepsTheChannelsInSomeOrder) {
  Augmentation ranges;
  ranges.channel_shuffle = 1.0;
  const at::Tensor images = unit_images(60, 2), out = augment(images, ranges, 1, 0);
  std::set<std::vector<std::int64_t>> orders;
  for (std::int64_t i = 0; i < 60; ++i) {
    std::vector<std::int64_t> order;
    for (std::int64_t c = 0; c < 3; ++c)
      for (std::int64_t k = 0; k < 3; ++k)
        if (max_abs_difference(out.select(0, i).select(0, c), images.select(0, i).select(0, k)) < 1e-5)
          order.push_back(k);
    std::vector<std::int64_t> sorted = order;
    std::sort(sorted.begin(), sorted.end());
    EXPECT_THAT(sorted, ElementsAre(0, 1, 2));
    orders.insert(order);
  }
  EXPECT_THAT(orders, SizeIs(6));  // all six, missed with probability 6 (5/6)^60 = 1e-4; the seed is fixed
}

TEST(Augment, ByBrightnessShiftsAConstantImage) {
  Augmentation ranges;
  ranges.brightness = 0.25;
  const at::Tensor out = augment(at::full({40, 3, 4, 4}, 0.5), ranges, 1, 0);
  const at::Tensor level = out.select(1, 0).select(1, 0).select(1, 0);
  EXPECT_LT(max_abs_difference(out, level.view({40, 1, 1, 1}).expand({40, 3, 4, 4})), 1e-6);
  EXPECT_LE((level - 0.5).abs().max().item<double>(), 0.25 + 1e-6);
  EXPECT_LT(level.min().item<double>(), 0.35);
  EXPECT_GT(level.max().item<double>(), 0.65);
}

}  // namespace
}  // namespace assay
