#include "metrics/statistics/paired_swaps.h"

#include <gtest/gtest.h>

#include <vector>

namespace assay {
namespace {

TEST(PairedSwaps, CountsTheObservedDifferenceAmongTheSwaps) {
  const std::vector<double> swapped = {1.0, -3.0, 2.0, -0.5};
  EXPECT_DOUBLE_EQ(swap_p_value(2.0, swapped), 3.0 / 5.0);
  EXPECT_DOUBLE_EQ(swap_p_value(-4.0, swapped), 1.0 / 5.0);
  EXPECT_DOUBLE_EQ(swap_p_value(0.0, swapped), 1.0);
}

TEST(PairedSwaps, WhatRoundingMayHaveMadeCountsAsAsFar) {
  const std::vector<double> swapped = {1.9};
  EXPECT_DOUBLE_EQ(swap_p_value(2.0, swapped), 0.5);
  EXPECT_DOUBLE_EQ(swap_p_value(2.0, swapped, 0.2), 1.0);
}

TEST(PairedSwaps, SharesOfOneSignAreTellingAndBalancedOnesAreNot) {
  const std::vector<double> one_sign(40, 1.0);
  std::vector<double> balanced(40, 1.0);
  for (std::size_t i = 0; i < balanced.size(); i += 2) balanced[i] = -1.0;
  EXPECT_DOUBLE_EQ(swap_p_value_of_shares(one_sign, 500, 7), 1.0 / 501.0);
  EXPECT_DOUBLE_EQ(swap_p_value_of_shares(balanced, 500, 7), 1.0);
  EXPECT_EQ(swap_p_value_of_shares(std::vector<double>{1, 2, -3, 4}, 500, 7),
            swap_p_value_of_shares(std::vector<double>{1, 2, -3, 4}, 500, 7));
}

TEST(PairedSwaps, ManyDifferencesNeedManySwaps) {
  EXPECT_EQ(fewest_swaps(3, 0.05), 60);
  EXPECT_EQ(enough_swaps(3, 0.05), 2000);
  EXPECT_EQ(enough_swaps(200, 0.05), 8000);
  EXPECT_EQ(enough_swaps(1000000, 0.05), most_swaps);
}

}  // namespace
}  // namespace assay
