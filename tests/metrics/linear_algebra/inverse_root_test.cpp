#include "metrics/linear_algebra/inverse_root.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/error.h"
#include "core/philox.h"

namespace assay {
namespace {

using Eigen::MatrixXd;
using Eigen::VectorXd;

double sum(const std::vector<Pole>& poles, double x) {
  double out = 0.0;
  for (const Pole& pole : poles) out += pole.weight / (x + pole.shift);
  return out;
}

TEST(InverseRoot, PolesSumToTheInverseRootAndAreFew) {
  for (const double ratio : {1.0, 1.5, 1e3, 1e8, 1e16})
    for (const double tolerance : {1e-3, 1e-8, 1e-11}) {
      if (ratio > 1e12 && tolerance < 1e-8) continue;  // beyond what the functions' digits allow
      const double low = 3e-5, high = low * ratio;
      const auto poles = inverse_root_poles(low, high, tolerance);
      EXPECT_LE(poles.size(), 1.0 + std::log(4.0 * std::sqrt(ratio)) * std::log(4.0 / tolerance) / 9.8);
      double worst = 0.0;
      for (int i = 0; i <= 1000; ++i) {
        const double x = low * std::pow(ratio, i / 1000.0);
        worst = std::max(worst, std::abs(sum(poles, x) * std::sqrt(x) - 1.0));
      }
      EXPECT_LT(worst, tolerance) << ratio;
      if (ratio > 100.0) {
        EXPECT_GT(worst, 0.02 * tolerance) << ratio;  // fewer poles would not do
      }
    }
}

VectorXd direction(int n, std::uint64_t seed) {
  std::vector<float> values(static_cast<std::size_t>(n));
  RandomStream(seed, Purpose::noise, 0).fill_normal(values);
  return Eigen::Map<const Eigen::VectorXf>(values.data(), n).cast<double>().normalized();
}

/// Eigenvalues from 1 down to 10^-decades, with eigenvectors in no particular direction.
MatrixXd matrix(int n, double decades) {
  MatrixXd out = MatrixXd::Zero(n, n);
  for (int i = 0; i < n; ++i) out(i, i) = std::pow(10.0, -decades * i / std::max(n - 1, 1));
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    const VectorXd v = direction(n, seed);
    out -= 2.0 * v * (v.transpose() * out);
    out -= 2.0 * (out * v) * v.transpose();
  }
  return 0.5 * (out + out.transpose());
}

MatrixXd root_of(const MatrixXd& symmetric, double low, double high, int threads = 0) {
  const BandReduction reduction = reduce_to_band(dense::Matrix(symmetric), threads);
  const dense::Matrix found = inverse_root(reduction, low, high, 1e-11, threads);
  MatrixXd out(symmetric.rows(), symmetric.cols());
  for (int j = 0; j < out.cols(); ++j)
    for (int i = j; i < out.rows(); ++i) out(i, j) = out(j, i) = found(i, j);
  return out;
}

// R S R = 1, around the widths of the band, of groups of reflections and of squares.
TEST(InverseRoot, UndoesTheMatrixOnBothSides) {
  for (const int n : {1, 2, 31, 32, 33, 34, 63, 64, 65, 96, 127, 129, 160, 161, 192, 257, 289, 321, 420}) {
    const MatrixXd s = matrix(n, 4.0);
    const MatrixXd r = root_of(s, 1e-4, 1.0);
    EXPECT_LT((r * s * r - MatrixXd::Identity(n, n)).cwiseAbs().maxCoeff(), 1e-9) << n;
  }
}

// D K D with K tame and D falling over nine decades: eigenvalues over eighteen. With D taken out of the rows, R S R
// is compared as D^-1 S^-1 D^-1 = K^-1 by way of R R = S^-1.
TEST(InverseRoot, KeepsTheSmallEigenvaluesOfAGradedMatrix) {
  constexpr int n = 150;
  MatrixXd tame(n, n);
  VectorXd d(n);
  for (int i = 0; i < n; ++i) d[i] = std::pow(10.0, -7.0 * i / n);
  for (int i = 0; i < n; ++i)
    for (int j = 0; j < n; ++j) tame(i, j) = std::exp2(-std::abs(i - j));
  const MatrixXd s = d.asDiagonal() * tame * d.asDiagonal();
  const MatrixXd r = root_of(s, 1e-16, 10.0);
  const MatrixXd inverse = d.asDiagonal() * (r * r) * d.asDiagonal();
  EXPECT_LT((inverse * tame - MatrixXd::Identity(n, n)).cwiseAbs().maxCoeff(), 1e-6);
}

TEST(InverseRoot, HasTheSameBitsForAnyNumberOfThreads) {
  const MatrixXd s = matrix(600, 6.0);
  const MatrixXd one = root_of(s, 1e-6, 1.0, 1);
  for (const int threads : {2, 5}) EXPECT_TRUE(root_of(s, 1e-6, 1.0, threads) == one) << threads;
}

TEST(InverseRoot, SaysThatAMatrixIsNotPositiveDefinite) {
  EXPECT_THROW(root_of(-MatrixXd::Identity(40, 40), 1e-3, 1e-2), Error);
}

}  // namespace
}  // namespace assay
