#include "metrics/statistics/least_squares.h"

#include <gtest/gtest.h>

#include <vector>

#include "core/error.h"

namespace assay {
namespace {

TEST(LeastSquaresSlope, IsThatOfPointsOnALineAndMinimisesTheSquaresElsewhere) {
  const std::vector<double> x = {-1, 0, 3, 7}, line = {5, 3, -3, -11};
  EXPECT_NEAR(least_squares_slope(x, line), -2, 1e-14);
  // About the means 2 and 3: (-2)(-1) + 0 * 3 + 2 (-2) = -2, over 4 + 0 + 4.
  const std::vector<double> a = {0, 2, 4}, b = {2, 6, 1};
  EXPECT_NEAR(least_squares_slope(a, b), -0.25, 1e-14);
}

TEST(LeastSquaresSlope, RefusesWhatNoLineFits) {
  const std::vector<double> one = {1}, two = {1, 2}, same = {3, 3};
  EXPECT_THROW(least_squares_slope(one, one), InputError);
  EXPECT_THROW(least_squares_slope(one, two), InputError);
  EXPECT_THROW(least_squares_slope(same, two), InputError);
}

}  // namespace
}  // namespace assay
