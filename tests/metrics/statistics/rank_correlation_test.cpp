#include "metrics/statistics/rank_correlation.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "core/error.h"

namespace assay {
namespace {

TEST(Spearman, OfMonotoneValuesIsOneOrMinusOne) {
  const std::vector<double> a = {1, 2, 3, 4, 5}, up = {1, 8, 27, 64, 1000}, down = {9, 7, 6, -1, -100};
  EXPECT_DOUBLE_EQ(spearman(a, up), 1.0);
  EXPECT_DOUBLE_EQ(spearman(a, down), -1.0);
}

TEST(Spearman, SharesTheMeanRankAmongTies) {
  // scipy.stats.spearmanr([1, 2, 2, 3, 7], [5, 1, 4, 4, 9]).statistic
  const std::vector<double> a = {1, 2, 2, 3, 7}, b = {5, 1, 4, 4, 9};
  EXPECT_NEAR(spearman(a, b), 0.28947368421052633, 1e-15);
}

TEST(Spearman, OfAConstantIsZero) {
  const std::vector<double> a = {3, 3, 3}, b = {1, 2, 3};
  EXPECT_EQ(spearman(a, b), 0.0);
}

TEST(Spearman, RefusesLengthsThatDifferAndValuesThatAreNoNumbers) {
  const std::vector<double> two = {1, 2}, three = {1, 2, 3}, one = {1},
                            bad = {1, std::numeric_limits<double>::quiet_NaN()};
  EXPECT_THROW(spearman(two, three), InputError);
  EXPECT_THROW(spearman(one, one), InputError);
  EXPECT_THROW(spearman(two, bad), InputError);
}

}  // namespace
}  // namespace assay
