#include "metrics/generative/frechet_influence.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "core/error.h"
#include "core/philox.h"
#include "metrics/generative/frechet_reduction.h"

namespace assay {
namespace {

/// Normal features whose columns have standard deviations 1, 1/2, 1/3, ..., moved by `shift`.
std::vector<float> features(std::int64_t n, std::int64_t width, std::uint64_t seed, float shift) {
  std::vector<float> out(static_cast<std::size_t>(n * width));
  RandomStream(seed, Purpose::noise, 0).fill_normal(out);
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i] = shift + out[i] / static_cast<float>(1 + i % static_cast<std::size_t>(width));
  return out;
}

/// The derivative by definition: the distance with the weight of one sample raised a little.
double numeric_error(const Gaussian& reference, const std::vector<float>& x, std::int64_t width) {
  const auto n = static_cast<Eigen::Index>(x.size()) / width;
  using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const Eigen::MatrixXd rows = Eigen::Map<const RowMajor>(x.data(), n, width).cast<double>();
  const auto distance = [&](Eigen::Index raised, double by) {
    Eigen::VectorXd w = Eigen::VectorXd::Constant(n, (1.0 - by) / static_cast<double>(n));
    w[raised] += by;
    Gaussian g;
    g.mean = rows.transpose() * w;
    const Eigen::MatrixXd centred = rows.rowwise() - g.mean.transpose();
    g.covariance = centred.transpose() * w.asDiagonal() * centred;
    return frechet(reference, g).value;
  };
  constexpr double step = 1e-5;
  double squares = 0.0;
  for (Eigen::Index i = 0; i < n; ++i) {
    const double slope = (distance(i, step) - distance(i, -step)) / (2.0 * step);
    squares += slope * slope;
  }
  return std::sqrt(squares) / static_cast<double>(n);
}

TEST(FrechetInfluence, IsTheDerivativeInTheWeights) {
  const auto full = gaussian(features(100, 4, 1, 0.0f), 4), thin = gaussian(features(4, 6, 1, 0.0f), 6);
  const auto many = features(60, 4, 2, 0.3f), few = features(40, 6, 3, 0.3f);
  // The divisor n - 1 in the one and n in the other differ by 1 / n.
  EXPECT_NEAR(frechet_standard_error(full, many, 4) / numeric_error(full, many, 4), 1.0, 0.03);
  EXPECT_NEAR(frechet_standard_error(thin, few, 6) / numeric_error(thin, few, 6), 1.0, 0.03);
}

// 400 independent draws from a known distribution say what the spread truly is.
TEST(FrechetInfluence, FindsTheSpreadOverIndependentDraws) {
  for (const std::int64_t width : {8, 200}) {  // more samples than dimensions, and fewer
    constexpr std::int64_t n = 150, draws = 400;
    const Gaussian reference = gaussian(features(1000, width, 99, 0.0f), width);
    double sum = 0.0, squares = 0.0, error = 0.0;
    for (std::uint64_t draw = 0; draw < draws; ++draw) {
      const auto x = features(n, width, 1000 + draw, 0.2f);
      const double value = frechet(reference, gaussian(x, width)).value;
      sum += value;
      squares += value * value;
      if (draw < 20) error += frechet_standard_error(reference, x, width) / 20.0;
    }
    const double deviation = std::sqrt((squares - sum * sum / draws) / (draws - 1));
    EXPECT_NEAR(error / deviation, 1.0, 0.15) << width;
  }
}

// From 384 dimensions on the map is made of the band that the distance has its eigenvalues from, not of eigenvectors.
// Some columns rise while others fall, and one is constant in either set.
TEST(FrechetInfluence, IsTheSameByEigenvectorsAndByTheBand) {
  constexpr std::int64_t width = 401, n = 700;
  auto of_reference = features(900, width, 4, 0.0f), x = features(n, width, 5, 0.1f);
  for (auto* rows : {&of_reference, &x})
    for (std::size_t i = 0; i < rows->size(); i += width) std::reverse(rows->begin() + i, rows->begin() + i + 150);
  for (std::size_t i = 0; i < of_reference.size(); i += width) of_reference[i + 17] = 0.0f;
  for (std::size_t i = 0; i < x.size(); i += width) x[i + 230] = 0.0f;
  const Gaussian reference = gaussian(of_reference, width), fitted = gaussian(x, width);
  std::optional<FrechetReduction> reduction;
  const double value = frechet(reference, fitted, reduction).value;
  EXPECT_EQ(value, frechet(reference, fitted).value);
  ASSERT_TRUE(reduction);
  EXPECT_EQ(reduction->order.size(), static_cast<std::size_t>(width - 2));
  const double by_band = frechet_standard_error(reference, fitted, x, reduction);
  const double by_vectors = frechet_standard_error(reference, fitted, x, std::nullopt);
  EXPECT_NEAR(by_band / by_vectors, 1.0, 1e-6);
  EXPECT_EQ(frechet_standard_error(reference, x, width), by_band);
}

// Near its reference a set's forms cancel: what is left is a small part of |x|^2.
TEST(FrechetInfluence, KeepsItsDigitsWhereTheSetsAreAlike) {
  constexpr std::int64_t width = 390, n = 800;
  const auto x = features(n, width, 6, 0.1f);
  auto other = x;
  for (std::size_t i = 0; i < other.size(); ++i) other[i] *= 1.0f + 1e-4f * static_cast<float>(i % 3);
  const Gaussian reference = gaussian(other, width), fitted = gaussian(x, width);
  std::optional<FrechetReduction> reduction;
  frechet(reference, fitted, reduction);
  ASSERT_TRUE(reduction);
  EXPECT_NEAR(frechet_standard_error(reference, fitted, x, reduction) /
                  frechet_standard_error(reference, fitted, x, std::nullopt),
              1.0, 1e-4);
}

TEST(FrechetInfluence, SaysThatWidthsDiffer) {
  const auto reference = gaussian(features(20, 4, 1, 0.0f), 4);
  EXPECT_THROW(frechet_standard_error(reference, features(20, 5, 1, 0.0f), 5), InputError);
}

}  // namespace
}  // namespace assay
