#include "metrics/feature_sets/double_features.h"

#include <gtest/gtest.h>

#include <vector>

#include "core/error.h"
#include "tests/support/repeatable_numbers.h"

namespace assay {
namespace {

Eigen::MatrixXd covariance(const Gaussian& g) {
  return g.low_rank() ? Eigen::MatrixXd(g.rows.transpose() * g.rows) : g.covariance;
}

TEST(DoubleFeatures, OfNumbersThatFloat32HoldsTheGaussianIsThatOfFloat32) {
  constexpr std::int64_t width = 7;
  for (const std::int64_t n : {2, 7, 8, 1500}) {
    const auto floats = test::repeatable_numbers(n * width, 3, 5.0);
    const std::vector<double> doubles(floats.begin(), floats.end());
    for (const Divisor divisor : {Divisor::n, Divisor::n_minus_1}) {
      const Gaussian got = gaussian_of_doubles(doubles, width, divisor), want = gaussian(floats, width, divisor);
      EXPECT_EQ(got.low_rank(), want.low_rank()) << n;
      EXPECT_LE((got.mean - want.mean).cwiseAbs().maxCoeff(), 1e-14) << n;
      EXPECT_LE((covariance(got) - covariance(want)).cwiseAbs().maxCoeff(), 1e-13) << n;
    }
  }
}

TEST(DoubleFeatures, DigitsBeyondFloat32Count) {
  const Gaussian found = gaussian_of_doubles(std::vector<double>{1e9, 1e9 + 1, 1e9 + 2}, 1, Divisor::n_minus_1);
  EXPECT_EQ(found.mean[0], 1e9 + 1);
  EXPECT_EQ(found.covariance(0, 0), 1.0);
}

TEST(DoubleFeatures, OneRowIsRefused) {
  EXPECT_THROW(gaussian_of_doubles(std::vector<double>{1.0, 2.0}, 2, Divisor::n), InputError);
}

}  // namespace
}  // namespace assay
