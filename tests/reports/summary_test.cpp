#include "reports/summary.h"

#include <gtest/gtest.h>

#include <array>

namespace assay {
namespace {

TEST(SeedMeanInterval, IsWorkedByHand) {
  // Mean 132, standard deviation 2 sqrt(2), standard error 2, t(0.975, 1) = 12.7062.
  const SeedMean summary = mean_over_seeds(std::array{130.0, 134.0});
  EXPECT_EQ(summary.mean, 132);
  ASSERT_TRUE(summary.interval);
  EXPECT_NEAR(summary.interval->low, 132 - 25.412409, 1e-5);
  EXPECT_NEAR(summary.interval->high, 132 + 25.412409, 1e-5);
  EXPECT_EQ(summary.interval->method, "t over 2 seeds");
}

TEST(SeedMeanInterval, IsNoneForOneSeed) {
  EXPECT_EQ(mean_over_seeds(std::array{5.0}).mean, 5);
  EXPECT_FALSE(mean_over_seeds(std::array{5.0}).interval);
}

TEST(MedianInterval, BelowSixValuesIsTheRange) {
  const MedianSummary summary = summarise_median({5, 1, 4, 2, 3});
  EXPECT_EQ(summary.median, 3);
  EXPECT_EQ(summary.low, 1);
  EXPECT_EQ(summary.high, 5);
  EXPECT_TRUE(summary.is_range);
}

TEST(MedianInterval, UsesTheOrderStatisticsOfTheBinomial) {
  // n = 6: P(B < 1) = 1/64 <= 0.025 < P(B < 2), so the smallest and the largest.
  const MedianSummary six = summarise_median({6, 5, 4, 3, 2, 1});
  EXPECT_EQ(six.median, 3.5);
  EXPECT_EQ(six.low, 1);
  EXPECT_EQ(six.high, 6);
  EXPECT_FALSE(six.is_range);
  // n = 9: P(B < 2) = 10/512 <= 0.025 < P(B < 3) = 46/512, so the second of either end.
  const MedianSummary nine = summarise_median({1, 2, 3, 4, 5, 6, 7, 8, 9});
  EXPECT_EQ(nine.low, 2);
  EXPECT_EQ(nine.high, 8);
}

TEST(MedianInterval, OfOneValueIsThatValue) {
  const MedianSummary one = summarise_median({7});
  EXPECT_EQ(one.median, 7);
  EXPECT_EQ(one.low, 7);
  EXPECT_EQ(one.high, 7);
}

TEST(GuidanceWeight, ReadsBothConventions) {
  EXPECT_EQ(guidance_weight({{"w", 2}, {"w_cfg", 1}}), 2);
  EXPECT_EQ(guidance_weight({{"w_cfg", 0.5}}), 1.5);
  EXPECT_EQ(guidance_weight({{"k", 100}}), std::nullopt);
  EXPECT_EQ(guidance_weight({{"w", "two"}}), std::nullopt);
  EXPECT_EQ(guidance_weight(nlohmann::json(3)), std::nullopt);
}

RunRow run(RowId id, std::int64_t seed, const std::string& method = "self_guided") {
  RunRow row;
  row.id = id;
  row.seed = seed;
  row.method = method;
  return row;
}

ScoreRow score(RowId run, const std::string& arm, double value, nlohmann::json params = nlohmann::json::object()) {
  ScoreRow row;
  row.run = run;
  row.arm = arm;
  row.name = "fd";
  row.value = value;
  row.params = std::move(params);
  return row;
}

TEST(Groups, HoldTheSeedsOfOneArmWithOneSetOfParams) {
  const std::vector<ScoreGroup> groups = group_scores(
      {score(1, "a", 1), score(1, "b", 10), score(1, "a", 5, {{"w", 2}}), score(2, "a", 3), score(9, "a", 100)},
      {run(1, 0), run(2, 7)});
  ASSERT_EQ(groups.size(), 3U);
  EXPECT_EQ(groups[0].arm, "a");
  EXPECT_EQ(groups[0].mean, 2) << "runs that are not asked for do not count";
  EXPECT_EQ(groups[0].seeds, (std::vector<std::int64_t>{0, 7}));
  EXPECT_EQ(groups[1].arm, "b");
  EXPECT_EQ(groups[2].mean, 5);
}

TEST(Groups, KeepMethodsApart) {
  EXPECT_EQ(group_scores({score(1, "a", 1), score(2, "a", 3)}, {run(1, 0), run(2, 0, "maskdm")}).size(), 2U);
}

TEST(Groups, AValueThatNoSeedMovesKeepsItsOwnInterval) {
  ScoreRow first = score(1, "real", 8), second = score(2, "real", 8);
  first.interval = second.interval = ScoreInterval{7, 9, 0.95, "bootstrap"};
  const std::vector<ScoreGroup> groups = group_scores({first, second}, {run(1, 0), run(2, 1)});
  ASSERT_EQ(groups.size(), 1U);
  ASSERT_TRUE(groups[0].interval);
  EXPECT_EQ(groups[0].interval->method, "bootstrap");
  EXPECT_EQ(groups[0].interval->low, 7);
}

TEST(Groups, OfOneSeedKeepThatSeedsInterval) {
  ScoreRow single = score(1, "a", 4);
  single.interval = {3.0, 6.0, 0.9, "bootstrap over samples, 1000"};
  const std::vector<ScoreGroup> groups = group_scores({single}, {run(1, 0)});
  ASSERT_TRUE(groups[0].interval);
  EXPECT_EQ(groups[0].interval->high, 6);
  EXPECT_EQ(groups[0].interval->method, "bootstrap over samples, 1000");
}

}  // namespace
}  // namespace assay
