#include "reproductions/objects/normalised_cut.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <random>

#include "core/error.h"

namespace assay {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

/// How far it is from an eigenvector at right angles to the first one.
double defect(const MatrixXd& w, const NormalisedCut& cut) {
  const VectorXd d = w.rowwise().sum(), x = cut.eigenvector;
  const VectorXd left = d.cwiseProduct(x) - w * x, right = cut.eigenvalue * d.cwiseProduct(x);
  return std::max({(left - right).cwiseAbs().maxCoeff(), std::abs(x.dot(d)), std::abs(x.dot(d.cwiseProduct(x)) - 1)});
}

TEST(NormalisedCut, OfAChainIsACosine) {
  // Weights 1 between neighbours and of both ends with themselves, so that all sums are 2: the eigenvectors are those
  // of the discrete cosine transform.
  for (const Index n : {2, 3, 10, 300}) {
    MatrixXd w = MatrixXd::Zero(n, n);
    w(0, 0) = w(n - 1, n - 1) = 1;
    for (Index i = 0; i + 1 < n; ++i) w(i, i + 1) = w(i + 1, i) = 1;
    const NormalisedCut cut = normalised_cut(w);
    const double angle = std::numbers::pi / static_cast<double>(n);
    EXPECT_NEAR(cut.eigenvalue, 1 - std::cos(angle), 1e-12) << n;
    const double sign = cut.eigenvector[0] > 0 ? 1 : -1;
    for (Index i = 0; i < n; ++i)
      EXPECT_NEAR(sign * cut.eigenvector[i],
                  std::cos(angle * (static_cast<double>(i) + 0.5)) / std::sqrt(static_cast<double>(n)), 1e-8)
          << n << " " << i;
  }
}

TEST(NormalisedCut, OfACompleteGraphIsAnyVectorOfItsSpace) {
  const Index n = 9;
  const MatrixXd w = MatrixXd::Ones(n, n) - MatrixXd::Identity(n, n);
  const NormalisedCut cut = normalised_cut(w);
  EXPECT_NEAR(cut.eigenvalue, 9.0 / 8.0, 1e-12);
  EXPECT_LT(defect(w, cut), 1e-12);
}

TEST(NormalisedCut, TellsTwoWeakCutsApart) {
  // Three blocks: the link between the first two is a little stronger than that of the third.
  const Index m = 20, n = 3 * m;
  MatrixXd w = MatrixXd::Constant(n, n, 1e-5);
  for (Index b = 0; b < 3; ++b) w.block(b * m, b * m, m, m).setOnes();
  w.block(0, m, m, m).setConstant(1.1e-5);
  w.block(m, 0, m, m).setConstant(1.1e-5);
  const NormalisedCut cut = normalised_cut(w);
  EXPECT_LT(defect(w, cut), 1e-12);
  const double third = cut.eigenvector[n - 1];
  for (Index i = 0; i < 2 * m; ++i) EXPECT_NEAR(cut.eigenvector[i] / third, -0.5, 1e-5) << i;
}

TEST(NormalisedCut, OfRandomWeightsIsAnEigenvectorAndReadsTheLowerTriangle) {
  std::mt19937 random(3);
  std::uniform_real_distribution<double> uniform(0, 1);
  for (const Index n : {5, 64, 200}) {
    MatrixXd lower = MatrixXd::Zero(n, n);
    for (Index j = 0; j < n; ++j)
      for (Index i = j; i < n; ++i) lower(i, j) = uniform(random);
    const MatrixXd w = lower.selfadjointView<Eigen::Lower>();
    const NormalisedCut cut = normalised_cut(w);
    EXPECT_LT(defect(w, cut), 1e-11) << n;
    EXPECT_EQ(normalised_cut(lower).eigenvector, cut.eigenvector) << n;
  }
}

TEST(NormalisedCut, RefusesANodeWithoutWeight) {
  MatrixXd w = MatrixXd::Identity(3, 3);
  w(1, 1) = 0;
  EXPECT_THROW(normalised_cut(w), Error);
  EXPECT_THROW(normalised_cut(MatrixXd::Ones(1, 1)), Error);
}

}  // namespace
}  // namespace assay
