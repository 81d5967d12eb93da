#include "metrics/linear_algebra/two_stage_eigenvalues.h"

#include <gtest/gtest.h>

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "core/philox.h"
#include "metrics/linear_algebra/tridiagonal_eigenvalues.h"

namespace assay {
namespace {

using Eigen::MatrixXd;
using Eigen::VectorXd;

std::vector<double> solved(const MatrixXd& symmetric, int threads = 0) {
  dense::Matrix matrix(symmetric);
  return two_stage_eigenvalues(matrix, threads);
}

VectorXd direction(int n, std::uint64_t seed) {
  std::vector<float> values(static_cast<std::size_t>(n));
  RandomStream(seed, Purpose::noise, 0).fill_normal(values);
  return Eigen::Map<const Eigen::VectorXf>(values.data(), n).cast<double>().normalized();
}

/// diag(values) with three Householder reflections on both sides: full, with eigenvalues that are known.
MatrixXd conjugated(const std::vector<double>& values) {
  const auto n = static_cast<int>(values.size());
  MatrixXd out = Eigen::Map<const VectorXd>(values.data(), n).asDiagonal();
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    const VectorXd v = direction(n, seed);
    out -= 2.0 * v * (v.transpose() * out);
    out -= 2.0 * (out * v) * v.transpose();
  }
  return 0.5 * (out + out.transpose());
}

void expect_near(const std::vector<double>& found, std::vector<double> expected, double tolerance) {
  std::sort(expected.begin(), expected.end());
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i)
    EXPECT_NEAR(found[i], expected[i], tolerance) << "eigenvalue " << i << " of " << found.size();
}

/// Around the width of the band and of the squares.
std::vector<int> sizes() {
  std::vector<int> out;
  for (int n = 0; n <= 70; ++n) out.push_back(n);
  for (const int n : {95, 96, 97, 127, 129, 255, 256, 257, 289, 321, 513}) out.push_back(n);
  return out;
}

TEST(TwoStageEigenvalues, FindsTheDiagonalThroughReflections) {
  for (const int n : sizes()) {
    std::vector<double> values;
    for (int i = 0; i < n; ++i) values.push_back(std::sin(1.7 * i) * (i % 3 == 0 ? 10.0 : 1.0));
    expect_near(solved(conjugated(values)), values, 1e-13 * (10.0 + std::sqrt(n)));
  }
}

// 2 - 2 cos(k pi / (n + 1)).
TEST(TwoStageEigenvalues, FindsThoseOfTheSecondDifference) {
  for (const int n : {1, 2, 3, 40, 200, 700}) {
    MatrixXd matrix = MatrixXd::Zero(n, n);
    std::vector<double> expected;
    for (int i = 0; i < n; ++i) {
      matrix(i, i) = 2.0;
      if (i > 0) matrix(i, i - 1) = matrix(i - 1, i) = -1.0;
      expected.push_back(2.0 - 2.0 * std::cos((i + 1) * std::numbers::pi / (n + 1)));
    }
    expect_near(solved(matrix), expected, 2e-14 * std::sqrt(n));
  }
}

// Ones everywhere plus 3 on the diagonal: 3 repeated, and n + 3.
TEST(TwoStageEigenvalues, FindsRepeatedEigenvalues) {
  for (const int n : {5, 33, 64, 150, 300}) {
    std::vector<double> expected(static_cast<std::size_t>(n), 3.0);
    expected.back() = n + 3.0;
    expect_near(solved(MatrixXd::Ones(n, n) + 3.0 * MatrixXd::Identity(n, n)), expected, 4e-14 * (n + 3.0));
  }
}

TEST(TwoStageEigenvalues, ZeroAndDiagonalMatricesStayAsTheyAre) {
  for (const int n : {1, 2, 34, 100, 290}) {
    for (const double value : solved(MatrixXd::Zero(n, n))) EXPECT_EQ(value, 0.0);
    const VectorXd diagonal = VectorXd::LinSpaced(n, -3.0, 5.0);
    const auto found = solved(diagonal.asDiagonal());
    for (int i = 0; i < n; ++i) EXPECT_DOUBLE_EQ(found[static_cast<std::size_t>(i)], n == 1 ? 5.0 : diagonal[i]);
  }
}

// D K D with K = 1 / (1 + |i - j|) tame and D_i = 2^-i: eigenvalues over 24 orders of magnitude. The determinant is
// that of K times that of D twice, and an eigenvalue of rounding size would spoil it.
TEST(TwoStageEigenvalues, KeepsTheSmallEigenvaluesOfAGradedMatrix) {
  for (const int n : {40, 75}) {
    MatrixXd tame(n, n), graded(n, n);
    for (int i = 0; i < n; ++i)
      for (int j = 0; j < n; ++j) {
        tame(i, j) = 1.0 / (1.0 + std::abs(i - j));
        graded(i, j) = tame(i, j) * std::exp2(-40.0 * (i + j) / n);
      }
    const VectorXd pivots = tame.ldlt().vectorD();
    double expected = pivots.array().log().sum(), found = 0.0;
    for (int i = 0; i < n; ++i) expected -= 80.0 * i / n * std::numbers::ln2;
    for (const double value : solved(graded)) found += std::log(value);
    EXPECT_NEAR(found, expected, 1e-6);
  }
}

TEST(TwoStageEigenvalues, ScaleWithTheMatrix) {
  std::vector<double> values;
  for (int i = 0; i < 80; ++i) values.push_back(1.0 + i % 7);
  const MatrixXd matrix = conjugated(values);
  const auto unit = solved(matrix);
  for (const double scale : {0x1p-80, 0x1p+80}) {
    const auto scaled = solved(scale * matrix);
    for (std::size_t i = 0; i < unit.size(); ++i) EXPECT_EQ(scaled[i], scale * unit[i]);
  }
}

TEST(TwoStageEigenvalues, ReadsTheLowerTriangleAlone) {
  std::vector<double> values;
  for (int i = 0; i < 300; ++i) values.push_back(i);
  MatrixXd matrix = conjugated(values);
  const auto expected = solved(matrix);
  matrix.triangularView<Eigen::StrictlyUpper>().setConstant(7.0);
  EXPECT_EQ(solved(matrix), expected);
}

TEST(TwoStageEigenvalues, HaveTheSameBitsForAnyNumberOfThreads) {
  std::vector<double> values;
  for (int i = 0; i < 600; ++i) values.push_back(std::cos(i));
  const MatrixXd matrix = conjugated(values);
  const auto one = solved(matrix, 1);
  EXPECT_EQ(solved(matrix, 2), one);
  EXPECT_EQ(solved(matrix, 5), one);
}

// Eigenvalues of [[2, 1], [1, 2]] beside those of [[5]] and, split off by a zero, [[-1, 2], [2, 2]].
TEST(TridiagonalEigenvalues, BlocksStandAlone) {
  const auto found = tridiagonal_eigenvalues({{2, 2, 5, -1, 2}, {1, 0, 0, 2}});
  expect_near(found, {1, 3, 5, -2, 3}, 1e-14);
  EXPECT_TRUE(tridiagonal_eigenvalues({}).empty());
}

}  // namespace
}  // namespace assay
