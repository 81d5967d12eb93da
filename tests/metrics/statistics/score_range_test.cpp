#include "metrics/statistics/score_range.h"

#include <gtest/gtest.h>

#include <limits>

namespace assay {
namespace {

TEST(ScoreRange, IntervalsAreCutToWhatAScoreCanBe) {
  const ScoreInterval cut = within_range("nmi", {-0.05, 1.2, 0.9, "bootstrap"});
  EXPECT_EQ(cut.level, 0.9);
  EXPECT_EQ(cut.method, "bootstrap");
  EXPECT_EQ(cut.low, 0.0);
  EXPECT_EQ(cut.high, 1.0);
  EXPECT_EQ(within_range("ari", {-0.9, 0.3}).low, -0.5);
  EXPECT_EQ(within_range("fid", {-3.0, 5.0}).low, 0.0);
  EXPECT_EQ(within_range("fid", {-3.0, 5.0}).high, 5.0);
}

TEST(ScoreRange, UnbiasedEstimatesAndUnknownScoresAreNotCut) {
  for (const char* metric : {"kid_mean", "eps_mse"}) EXPECT_EQ(within_range(metric, {-3.0, 5.0}).low, -3.0);
}

TEST(ScoreRange, DifferencesReachOverTheWholeRangeBothWays) {
  const ScoreInterval cut = within_difference_range("precision", {-1.5, 1.5});
  EXPECT_EQ(cut.low, -1.0);
  EXPECT_EQ(cut.high, 1.0);
  EXPECT_EQ(within_difference_range("fid", {-70.0, 5.0}).low, -70.0);
}

}  // namespace
}  // namespace assay
