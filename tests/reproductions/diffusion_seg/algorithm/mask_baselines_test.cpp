#include "reproductions/diffusion_seg/algorithm/mask_baselines.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "core/error.h"
#include "core/philox.h"
#include "tests/support/throws.h"

namespace assay::diffusion_seg {
namespace {

using test::message_of;
using ::testing::ElementsAre;
using ::testing::FloatEq;
using ::testing::HasSubstr;

using Mask = std::vector<std::uint8_t>;

std::int64_t ones(const Mask& mask) { return std::count(mask.begin(), mask.end(), std::uint8_t{1}); }

/// (k / 1000)^power of a linear congruential generator that a few lines of Python write too.
std::vector<float> lcg_map(std::uint64_t seed, std::size_t pixels, int power) {
  std::vector<float> map;
  for (std::size_t i = 0; i < pixels; ++i) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    map.push_back(static_cast<float>(std::pow(static_cast<double>((seed >> 33) % 1000) / 1000, power)));
  }
  return map;
}

TEST(Above, LeavesTheThresholdItselfOut) {
  EXPECT_THAT(above(std::vector<float>{0.25f, 0.5f, 0.75f}, 0.5), ElementsAre(0, 0, 1));
  EXPECT_THAT(message_of<InputError>([] { above(std::vector<float>{std::nanf("")}, 0.5); }), HasSubstr("nan"));
}

// scikit-image 0.25.2's threshold_otsu on float64 copies.
TEST(OtsuThreshold, IsThatOfScikitImage) {
  struct Case {
    std::vector<float> map;
    std::int64_t bins;
    double threshold;
    std::int64_t ones;
  };
  const Case cases[] = {{lcg_map(1, 1024, 1), 256, 0.4975488345371559, 517},
                        {lcg_map(2, 1024, 2), 256, 0.3910099845046833, 388},
                        {lcg_map(3, 400, 3), 256, 0.32124598856952336, 119},
                        {lcg_map(4, 1024, 4), 16, 0.3410082310438156, 229},
                        {lcg_map(5, 30, 1), 256, 0.5427617123932578, 16},
                        {{.1f, .1f, .1f, .1f, .1f, .8f, .8f, .8f, .8f}, 256, 0.1013671890104888, 4}};
  for (const Case& c : cases) {
    EXPECT_NEAR(otsu_threshold(c.map, c.bins), c.threshold, 1e-12);
    EXPECT_EQ(ones(above(c.map, otsu_threshold(c.map, c.bins))), c.ones);
  }
  EXPECT_EQ(otsu_threshold(std::vector<float>(5, 0.25f)), 0.25);
  EXPECT_THAT(message_of<InputError>([] { otsu_threshold({}); }), HasSubstr("an empty map"));
  EXPECT_THAT(message_of<InputError>([] { otsu_threshold(std::vector<float>{1}, 1); }), HasSubstr("1 bins"));
}

TEST(BestThreshold, IsTheBestOfAllValues) {
  for (std::uint64_t item = 0; item < 50; ++item) {
    RandomStream random(1, Purpose::resample, item);
    std::vector<float> map;
    Mask truth;
    for (int i = 0; i < 40; ++i) {
      map.push_back(static_cast<float>(random.below(12)) / 12);  // many pixels share a value
      truth.push_back(random.uniform() < map.back() ? 1 : 0);
    }
    const auto iou_of = [&](double threshold) {
      const Mask mask = above(map, threshold);
      double both = 0, either = 0;
      for (std::size_t i = 0; i < map.size(); ++i) {
        both += mask[i] & truth[i];
        either += mask[i] | truth[i];
      }
      return either == 0 ? 1.0 : both / either;
    };
    double best = iou_of(-1.0);
    for (const float threshold : map) best = std::max(best, iou_of(threshold));
    const BestThreshold found = best_threshold(map, truth);
    EXPECT_EQ(found.iou, best);
    EXPECT_EQ(iou_of(found.threshold), best);
    for (const float threshold : map) {
      if (threshold > found.threshold) {
        EXPECT_LT(iou_of(threshold), best);
      }
    }
  }
}

TEST(BestThreshold, KnowsEmptyAndFullTruth) {
  const std::vector<float> map = {0.5f, 0.25f, 1.0f};
  EXPECT_EQ(best_threshold(map, Mask{0, 0, 0}).iou, 1.0);
  EXPECT_EQ(ones(above(map, best_threshold(map, Mask{0, 0, 0}).threshold)), 0);
  EXPECT_EQ(best_threshold(map, Mask{1, 1, 1}).iou, 1.0);
  EXPECT_EQ(ones(above(map, best_threshold(map, Mask{1, 1, 1}).threshold)), 3);
  EXPECT_THAT(message_of<InputError>([&] { best_threshold(map, Mask{1, 2, 0}); }), HasSubstr("truth 2 at place 1"));
  EXPECT_THAT(message_of<Error>([&] { best_threshold(map, Mask{1}); }), HasSubstr("3 pixels and a truth of 1"));
}

TEST(Propagated, IsThePowerOfSelfAttentionTimesTheMap) {
  const std::vector<float> self = {0.5f, 0.5f, 0.0f, 0.25f, 0.5f, 0.25f, 0.0f, 0.5f, 0.5f}, map = {1, 0, 0};
  EXPECT_THAT(propagated(self, map, 0), ElementsAre(1, 0, 0));
  EXPECT_THAT(propagated(self, map, 1), ElementsAre(1, 0.5f, 0));         // .5, .25, 0
  EXPECT_THAT(propagated(self, map, 2), ElementsAre(1, 0.5f, 0));         // .375, .25, .125
  EXPECT_THAT(propagated_mask(self, map, 1, 0.5), ElementsAre(1, 1, 0));  // the threshold itself counts
  EXPECT_THAT(propagated_mask(self, map, 1, 0.6), ElementsAre(1, 0, 0));
  EXPECT_THAT(message_of<InputError>([&] { propagated(self, map, -1); }), HasSubstr("power -1"));
  EXPECT_THAT(message_of<Error>([&] { propagated(map, map, 1); }), HasSubstr("3 values for 3 pixels"));
}

TEST(RandomMask, HasAboutTheAreaAndFollowsItsSeed) {
  const Mask mask = random_mask(10000, 0.3, 5, 2);
  EXPECT_NEAR(static_cast<double>(ones(mask)), 3000, 5 * std::sqrt(10000 * 0.3 * 0.7));
  EXPECT_EQ(random_mask(10000, 0.3, 5, 2), mask);
  EXPECT_NE(random_mask(10000, 0.3, 5, 3), mask);
  EXPECT_NE(random_mask(10000, 0.3, 6, 2), mask);
  EXPECT_EQ(ones(random_mask(100, 0.0, 1, 1)), 0);
  EXPECT_EQ(ones(random_mask(100, 1.0, 1, 1)), 100);
  EXPECT_THAT(message_of<InputError>([] { random_mask(4, 1.5, 1, 1); }), HasSubstr("area 1.5; accepted: 0 to 1"));
}

}  // namespace
}  // namespace assay::diffusion_seg
