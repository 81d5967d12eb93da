#include "metrics/feature_sets/gaussian.h"

#include <gtest/gtest.h>

#include <vector>

namespace assay {
namespace {

TEST(WithOffset, AddsToTheDiagonalAlone) {
  const std::vector<float> samples = {0, 1, 2, 0, 4, 1, 6, 6, 1, 2};
  const Gaussian plain = gaussian(samples, 2), moved = with_offset(plain, 0.5);
  ASSERT_FALSE(plain.low_rank());
  EXPECT_EQ(moved.covariance(0, 0), plain.covariance(0, 0) + 0.5);
  EXPECT_EQ(moved.covariance(1, 1), plain.covariance(1, 1) + 0.5);
  EXPECT_EQ(moved.covariance(0, 1), plain.covariance(0, 1));
  EXPECT_EQ(moved.mean, plain.mean);
}

TEST(WithOffset, GivesAFullCovarianceInPlaceOfRows) {
  const std::vector<float> samples = {0, 1, 2, 3, 1, 1};
  const Gaussian plain = gaussian(samples, 3), moved = with_offset(plain, 0.25);
  ASSERT_TRUE(plain.low_rank());
  ASSERT_FALSE(moved.low_rank());
  EXPECT_EQ(moved.rows.size(), 0);
  EXPECT_DOUBLE_EQ(moved.covariance(0, 0), 4.5 + 0.25);
  EXPECT_DOUBLE_EQ(moved.covariance(0, 2), -1.5);
}

}  // namespace
}  // namespace assay
