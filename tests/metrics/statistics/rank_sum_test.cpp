#include "metrics/statistics/rank_sum.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "core/error.h"

namespace assay {
namespace {

/// The exact p-value by trying all ways to choose which of 0..n+m-1 belong to the first side.
double by_enumeration(std::span<const double> a, std::span<const double> b) {
  std::vector<double> all(a.begin(), a.end());
  all.insert(all.end(), b.begin(), b.end());
  const auto pairs_won = [&](const std::vector<int>& chosen) {
    double won = 0;
    for (std::size_t i = 0; i < all.size(); ++i)
      for (std::size_t j = 0; j < all.size(); ++j)
        if (chosen[i] == 1 && chosen[j] == 0 && all[i] > all[j]) ++won;
    return won;
  };
  const double middle = static_cast<double>(a.size() * b.size()) / 2.0;
  std::vector<int> chosen(all.size(), 0);
  std::fill(chosen.begin(), chosen.begin() + std::ssize(a), 1);
  const double observed = std::abs(pairs_won(chosen) - middle);
  std::sort(chosen.begin(), chosen.end());
  double as_far = 0, total = 0;
  do {
    ++total;
    as_far += std::abs(pairs_won(chosen) - middle) >= observed ? 1 : 0;
  } while (std::next_permutation(chosen.begin(), chosen.end()));
  return as_far / total;
}

TEST(RankSum, IsExactForFewValues) {
  const std::vector<double> a = {1.1, 2.5, 3.7, 9.0}, b = {0.3, 4.4, 5.1, 6.2, 8.8}, c = {2.0, 7.0};
  EXPECT_NEAR(rank_sum_p_value(a, b), by_enumeration(a, b), 1e-12);
  EXPECT_NEAR(rank_sum_p_value(b, c), by_enumeration(b, c), 1e-12);
  EXPECT_NEAR(rank_sum_p_value(c, a), by_enumeration(c, a), 1e-12);
}

TEST(RankSum, OfSidesThatDoNotOverlapIsTwoInAllOrders) {
  std::vector<double> low(10), high(10);
  std::iota(low.begin(), low.end(), 0.0);
  std::iota(high.begin(), high.end(), 100.0);
  EXPECT_NEAR(rank_sum_p_value(low, high), 2.0 / 184756.0, 1e-15);  // 20 over 10
  EXPECT_NEAR(rank_sum_p_value(high, low), 2.0 / 184756.0, 1e-15);
  const std::vector<double> five = {1, 2, 3, 4, 5}, others = {6, 7, 8, 9, 10};
  EXPECT_NEAR(rank_sum_p_value(five, others), 2.0 / 252.0, 1e-15);
}

TEST(RankSum, OfTiesIsThatOfTheCorrectedNormalDistribution) {
  // scipy.stats.mannwhitneyu([1, 2, 3], [2, 5, 5, 6], method="asymptotic").pvalue
  const std::vector<double> a = {1, 2, 3}, b = {2, 5, 5, 6};
  EXPECT_NEAR(rank_sum_p_value(a, b), 0.1498208360668925, 1e-12);
}

TEST(RankSum, OfEqualValuesIsOne) {
  const std::vector<double> same = {2, 2, 2};
  EXPECT_EQ(rank_sum_p_value(same, same), 1.0);
  const std::vector<double> one = {1}, two = {2};
  EXPECT_EQ(rank_sum_p_value(one, two), 1.0) << "two values come in this order half of the time";
}

TEST(RankSum, RefusesNothingAndWhatIsNoNumber) {
  const std::vector<double> none, one = {1}, bad = {std::numeric_limits<double>::quiet_NaN()};
  EXPECT_THROW(rank_sum_p_value(none, one), InputError);
  EXPECT_THROW(rank_sum_p_value(one, bad), InputError);
}

}  // namespace
}  // namespace assay
