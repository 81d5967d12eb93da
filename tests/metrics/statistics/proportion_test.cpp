#include "metrics/statistics/proportion.h"

#include <gtest/gtest.h>

#include "core/error.h"

namespace assay {
namespace {

TEST(WilsonInterval, EqualsThePublishedFormula) {
  // scipy.stats.binomtest(15, 50).proportion_ci(method="wilson")
  const ScoreInterval interval = wilson_interval(15, 50, "Wilson over samples");
  EXPECT_EQ(interval.level, 0.95);
  EXPECT_EQ(interval.method, "Wilson over samples");
  EXPECT_NEAR(interval.low, 0.1910355350088095, 1e-12);
  EXPECT_NEAR(interval.high, 0.4375035046445341, 1e-12);
}

TEST(WilsonInterval, StaysInsideTheUnitIntervalAndHasWidthAtItsEnds) {
  EXPECT_EQ(wilson_interval(0, 10).low, 0.0);
  EXPECT_GT(wilson_interval(0, 10).high, 0.2);
  EXPECT_EQ(wilson_interval(10, 10).high, 1.0);
  EXPECT_LT(wilson_interval(10, 10).low, 0.8);
}

TEST(WilsonInterval, RefusesMoreHitsThanTrials) {
  EXPECT_THROW(wilson_interval(3, 2), InputError);
  EXPECT_THROW(wilson_interval(0, 0), InputError);
}

}  // namespace
}  // namespace assay
