#include "metrics/statistics/level_steps.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "core/error.h"
#include "core/philox.h"
#include "metrics/statistics/bootstrap.h"

namespace assay {
namespace {

/// Normal noise of deviation 1 about a mean for each value.
std::vector<double> noisy(const std::vector<double>& means, std::uint64_t seed) {
  RandomStream random(seed, Purpose::resample, 0);
  std::vector<double> values;
  values.reserve(means.size());
  for (const double mean : means) values.push_back(mean + random.normal());
  return values;
}

std::vector<double> steps(const std::vector<std::pair<std::int64_t, double>>& parts) {
  std::vector<double> means;
  for (const auto& [count, mean] : parts) means.insert(means.end(), static_cast<std::size_t>(count), mean);
  return means;
}

TEST(LevelSteps, OfTwoEqualStepsAreTwoAtTheirPlaces) {
  // What asv reports as one regression at the first place (shared facts): 4 % and 4 % at a noise of 1 %.
  int both = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    const LevelSteps found = find_levels(noisy(steps({{20, 0}, {20, 4}, {20, 8}}), seed), 1e-4);
    if (found.levels.size() != 3) continue;
    both += std::abs(found.levels[1].first - 20) <= 1 && std::abs(found.levels[2].first - 40) <= 1 ? 1 : 0;
  }
  EXPECT_GE(both, 98);
}

TEST(LevelSteps, CloseTogetherAreStillTwo) {
  int both = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    const LevelSteps found = find_levels(noisy(steps({{30, 0}, {5, 5}, {15, 10}}), seed), 1e-4);
    both += found.levels.size() == 3 && std::abs(found.levels[2].first - 35) <= 1 ? 1 : 0;
  }
  EXPECT_GE(both, 95);
}

TEST(LevelSteps, ThatAreEachBelowTheNoiseAddUp) {
  // Half a deviation every 15 values, ten times: none can be seen alone when it comes.
  std::vector<double> means;
  for (int i = 0; i < 150; ++i) means.push_back(0.5 * (i / 15));
  int seen = 0;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const LevelSteps found = find_levels(noisy(means, seed), 1e-4);
    seen += found.levels.size() >= 2 && found.levels.back().mean - found.levels.front().mean > 2.5 ? 1 : 0;
  }
  EXPECT_GE(seen, 49);
}

TEST(LevelSteps, AreRareWhereNothingChanged) {  // 100 histories of 200 values permit 20,000 x 2 x 1e-3 = 40 false
                                                // alarms; the tails overlap, so there are fewer.
  int alarms = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed)
    alarms += static_cast<int>(find_levels(noisy(steps({{200, 3}}), seed), 1e-3).levels.size()) - 1;
  EXPECT_LE(alarms, 40);
}

TEST(LevelSteps, OfTwoValuesWithKnownVarianceAreThePairedTest) {
  // Means over three seeds whose differences are 4, 5 and 6: interactions (d - 5)^2 / 2 sum to 1, over three seeds 1/3.
  const std::vector<double> a = {1, 2, 3}, b = {5, 7, 9}, means = {2, 7};
  const double p = paired_difference(b, a).p_value / 2.0;  // of one side
  const KnownVariance known{1.0 / 3.0, 2.0};
  EXPECT_EQ(find_levels(means, p * 1.0001, known).levels.size(), 2U);
  EXPECT_EQ(find_levels(means, p * 0.9999, known).levels.size(), 1U);
  EXPECT_NEAR(find_levels(means, 0.5, known).variance, 1.0 / 6.0, 1e-15);
}

TEST(LevelSteps, AreNotSoughtWhereNothingTellsTheScatter) {
  const std::vector<double> two = {1, 100};
  EXPECT_EQ(find_levels(two, 0.4).levels.size(), 1U);
  EXPECT_TRUE(find_levels({}, 0.1).levels.empty());
  EXPECT_EQ(find_levels(std::vector<double>(50, 7.5), 0.1).levels.size(), 1U) << "no spread, no step";
}

TEST(LevelSteps, CoverAllValuesInOrder) {
  const std::vector<double> values = noisy(steps({{25, 100}, {25, 110}, {10, 90}}), 3);
  const LevelSteps found = find_levels(values, 1e-4);
  std::int64_t next = 0;
  for (const Level& level : found.levels) {
    EXPECT_EQ(level.first, next);
    double sum = 0;
    for (std::int64_t i = level.first; i < level.first + level.count; ++i) {
      sum += values[static_cast<std::size_t>(i)];
      EXPECT_EQ(&found.levels[found.level_of(i)], &level);
    }
    EXPECT_NEAR(level.mean, sum / static_cast<double>(level.count), 1e-9);
    next += level.count;
  }
  EXPECT_EQ(next, 60);
  EXPECT_EQ(found.degrees, 60.0 - static_cast<double>(found.levels.size()));
}

TEST(LevelSteps, RefuseChancesAndValuesThatAreNone) {
  const std::vector<double> good = {1, 2, 3}, bad = {1, std::numeric_limits<double>::infinity()};
  EXPECT_THROW(find_levels(good, 0.0), InputError);
  EXPECT_THROW(find_levels(good, 1.0), InputError);
  EXPECT_THROW(find_levels(bad, 0.1), InputError);
}

}  // namespace
}  // namespace assay
