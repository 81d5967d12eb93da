#include "metrics/metric_facts.h"

#include <gtest/gtest.h>

#include <set>

namespace assay {
namespace {

TEST(MetricFactsTable, SaysOfEachMetricWhatItIsOnce) {
  std::set<std::string_view> names;
  for (const MetricFacts& metric : metric_facts()) {
    EXPECT_TRUE(names.insert(metric.name).second) << metric.name;
    EXPECT_FALSE(metric.words.empty()) << metric.name;
    EXPECT_LT(metric.range.low, metric.range.high) << metric.name;
  }
}

TEST(MetricFactsTable, DistancesAndErrorsAreBetterWhereTheyAreLower) {
  for (const char* metric : {"fid", "fid_infinity", "sfid", "fd", "fd-small", "kid_mean", "eps_mse", "mae"})
    EXPECT_EQ(direction_of(metric), Better::lower) << metric;
  for (const char* metric : {"is_mean", "precision", "recall", "density", "coverage", "iou", "corloc", "ami"})
    EXPECT_EQ(direction_of(metric), Better::higher) << metric;
}

TEST(MetricFactsTable, SpreadsAndUnknownMetricsHaveNoDirection) {
  for (const char* metric : {"kid_std", "is_std", "no such metric"})
    EXPECT_EQ(direction_of(metric), Better::unstated) << metric;
}

TEST(ScoreRanges, IntervalsAreCutToWhatAScoreCanBe) {
  const ScoreInterval cut = within_range("nmi", {-0.05, 1.2, 0.9, "bootstrap"});
  EXPECT_EQ(cut.level, 0.9);
  EXPECT_EQ(cut.method, "bootstrap");
  EXPECT_EQ(cut.low, 0.0);
  EXPECT_EQ(cut.high, 1.0);
  EXPECT_EQ(within_range("ari", {-0.9, 0.3}).low, -0.5);
  EXPECT_EQ(within_range("fid", {-3.0, 5.0}).low, 0.0);
  EXPECT_EQ(within_range("fid", {-3.0, 5.0}).high, 5.0);
}

TEST(ScoreRanges, UnbiasedEstimatesAndUnknownScoresAreNotCut) {
  for (const char* metric : {"kid_mean", "no such metric"}) EXPECT_EQ(within_range(metric, {-3.0, 5.0}).low, -3.0);
}

TEST(ScoreRanges, DifferencesReachOverTheWholeRangeBothWays) {
  const ScoreInterval cut = within_difference_range("precision", {-1.5, 1.5});
  EXPECT_EQ(cut.low, -1.0);
  EXPECT_EQ(cut.high, 1.0);
  EXPECT_EQ(within_difference_range("fid", {-70.0, 5.0}).low, -70.0);
}

}  // namespace
}  // namespace assay
