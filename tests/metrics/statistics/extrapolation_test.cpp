#include "metrics/statistics/extrapolation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"

namespace assay {
namespace {

using ::testing::ElementsAre;

// scipy 1.17.1: r = scipy.stats.linregress(1 / n, v); limits by scipy.stats.t.ppf(.975, 3) * r.intercept_stderr
TEST(InverseFit, AgreesWithScipysRegression) {
  const std::vector<std::int64_t> n = {1000, 2000, 3000, 5000, 10000};
  const std::vector<double> v = {12.5, 11.3, 10.8, 10.6, 10.3};
  const InverseFit fit = fit_inverse(n, v);
  EXPECT_NEAR(fit.limit, 10.060780834072759, 1e-11);
  EXPECT_NEAR(fit.slope, 2435.669920141969, 1e-8);
  EXPECT_NEAR(fit.deviation, 0.03991455257485888, 1e-12);
  EXPECT_NEAR(fit.interval.low, 9.933754913703847, 1e-9);
  EXPECT_NEAR(fit.interval.high, 10.18780675444167, 1e-9);
}

TEST(InverseFit, RefusesWhatNoLineFits) {
  const std::vector<std::int64_t> same = {5, 5, 5}, zero = {0, 1, 2}, two = {1, 2};
  const std::vector<double> values = {1, 2, 3};
  EXPECT_THROW(fit_inverse(same, values), InputError);
  EXPECT_THROW(fit_inverse(zero, values), InputError);
  EXPECT_THROW(fit_inverse(two, std::span(values).first(2)), InputError);
  EXPECT_THROW(fit_inverse(two, values), InputError);
}

// numpy.linspace(5000, 12345, 15).astype(int)
TEST(SpreadSizes, AreNumpysLinspace) {
  EXPECT_THAT(spread_sizes(5000, 12345, 15), ElementsAre(5000, 5524, 6049, 6573, 7098, 7623, 8147, 8672, 9197, 9721,
                                                         10246, 10771, 11295, 11820, 12345));
}

}  // namespace
}  // namespace assay
