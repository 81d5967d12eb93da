#include "metrics/generative/frechet.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "core/error.h"
#include "core/philox.h"

namespace assay {
namespace {

/// x[i][j] = ((a i^2 + b i (j+1)^2 + c j^3 + i) mod m) / 32, exact in float; the same formula made the expected values.
std::vector<float> features(std::int64_t n, std::int64_t width, std::int64_t a, std::int64_t b, std::int64_t c,
                            std::int64_t m) {
  std::vector<float> out;
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = 0; j < width; ++j) {
      out.push_back(static_cast<float>((a * i * i + b * i * (j + 1) * (j + 1) + c * j * j * j + i) % m) / 32.0f);
    }
  }
  return out;
}

std::vector<float> first(std::int64_t n, std::int64_t width) { return features(n, width, 7, 13, 5, 101); }
std::vector<float> second(std::int64_t n, std::int64_t width) { return features(n, width, 11, 3, 17, 89); }

std::vector<float> random_features(std::int64_t n, std::int64_t width, std::uint64_t seed) {
  std::vector<float> out(static_cast<std::size_t>(n * width));
  RandomStream(seed, Purpose::noise, 0).fill_normal(out);
  return out;
}

void expect_relative(double value, double expected, double tolerance) {
  EXPECT_NEAR(value, expected, tolerance * expected);
}

TEST(Frechet, DiagonalGaussiansHaveAClosedForm) {
  // |m1 - m2|^2 + sum (s1 - s2)^2 over standard deviations = 9 + 16 + (1 - 2)^2 + (3 - 0.5)^2.
  Gaussian a{0, Eigen::Vector2d(0, 0), Eigen::Vector2d(1, 9).asDiagonal(), {}};
  Gaussian b{0, Eigen::Vector2d(3, 4), Eigen::Vector2d(4, 0.25).asDiagonal(), {}};
  const FrechetDistance d = frechet(a, b);
  EXPECT_NEAR(d.value, 32.25, 1e-12);
  EXPECT_NEAR(d.mean_term, 25.0, 1e-13);
  EXPECT_EQ(d.route, "cholesky");
  EXPECT_LT(d.residual, 1e-9);
}

TEST(Frechet, AZeroVarianceIsTakenAsItIs) {
  Gaussian a{0, Eigen::Vector2d(0, 0), Eigen::Vector2d(1, 0).asDiagonal(), {}};
  Gaussian b{0, Eigen::Vector2d(0, 0), Eigen::Vector2d(4, 9).asDiagonal(), {}};
  const FrechetDistance d = frechet(a, b);
  EXPECT_NEAR(d.value, 10.0, 1e-12);
  EXPECT_EQ(d.route, "cholesky");
  EXPECT_NEAR(frechet(b, a).value, 10.0, 1e-12);
}

// scipy 1.17.1: tr(scipy.linalg.sqrtm(numpy.cov(x, rowvar=False) @ numpy.cov(y, rowvar=False))), and the same with
// covariances over n.
TEST(Frechet, AgreesWithScipysMatrixSquareRoot) {
  const auto x = first(40, 6), y = second(50, 6);
  expect_relative(frechet(gaussian(x, 6), gaussian(y, 6)).value, 1.1666975022239665, 1e-12);
  expect_relative(frechet(gaussian(x, 6, Divisor::n), gaussian(y, 6, Divisor::n)).value, 1.1550528535647633, 1e-12);
  const auto u = first(300, 20), v = second(260, 20);
  const FrechetDistance d = frechet(gaussian(u, 20), gaussian(v, 20));
  expect_relative(d.value, 2.8249073094160523, 1e-12);
  EXPECT_EQ(d.route, "cholesky");
}

// mpmath at 60 digits (eigenvalues of sqrt(S1) S2 sqrt(S1)); scipy.linalg.sqrtm is off by 1e-8 on singular matrices.
TEST(Frechet, IsExactForFewerSamplesThanDimensions) {
  const auto one = frechet(gaussian(first(7, 12), 12), gaussian(second(50, 12), 12));
  expect_relative(one.value, 8.7018697515191929952, 1e-12);
  EXPECT_EQ(one.route, "low-rank");
  const auto both = frechet(gaussian(first(6, 16), 16), gaussian(second(9, 16), 16));
  expect_relative(both.value, 15.572086859456147138, 1e-12);
  EXPECT_EQ(both.route, "low-rank");
  expect_relative(frechet(gaussian(first(2, 8), 8), gaussian(second(60, 8), 8)).value, 11.368890572357224273, 1e-12);
}

TEST(Frechet, IsExactForDependentColumns) {
  auto x = first(40, 6), y = second(50, 6);
  for (std::size_t i = 0; i < 40; ++i) x[i * 6 + 5] = x[i * 6] + x[i * 6 + 1];
  const auto one = frechet(gaussian(x, 6), gaussian(y, 6));
  expect_relative(one.value, 5.0670047214439208448, 1e-11);
  EXPECT_EQ(one.route, "singular-values");
  for (std::size_t i = 0; i < 50; ++i) y[i * 6 + 3] = 2.0f * y[i * 6 + 2];
  expect_relative(frechet(gaussian(x, 6), gaussian(y, 6)).value, 7.5823887258423305161, 1e-11);
}

TEST(Frechet, ASetIsAtDistanceZeroFromItself) {
  for (const auto& [n, width] : std::vector<std::pair<std::int64_t, std::int64_t>>{
           {500, 64}, {66, 64}, {64, 64}, {20, 64}, {2, 64}, {300, 200}, {150, 200}, {201, 200}}) {
    const Gaussian g = gaussian(random_features(n, width, 1), width);
    const FrechetDistance d = frechet(g, g);
    EXPECT_GE(d.value, 0.0) << n << " x " << width;
    EXPECT_LT(d.value, 1e-9) << n << " x " << width << " by " << d.route;
    EXPECT_EQ(d.route, "equal");
  }
}

TEST(Frechet, EqualSetsInAnotherOrderGiveZero) {
  for (const auto& [n, width] : std::vector<std::pair<std::int64_t, std::int64_t>>{{500, 64}, {66, 64}, {20, 64}}) {
    auto x = random_features(n, width, 1);
    const Gaussian a = gaussian(x, width);
    std::rotate(x.begin(), x.begin() + 7 * width, x.end());
    const FrechetDistance d = frechet(a, gaussian(x, width));
    EXPECT_NE(d.route, "equal");
    EXPECT_GE(d.value, 0.0);
    EXPECT_LT(d.value, 1e-9) << n << " x " << width << " by " << d.route;
  }
}

TEST(Frechet, IsSymmetricOnEveryRoute) {
  for (const auto& [n, m, width] :
       std::vector<std::array<std::int64_t, 3>>{{90, 80, 30}, {10, 80, 30}, {10, 15, 30}, {400, 300, 160}}) {
    const Gaussian a = gaussian(random_features(n, width, 1), width), b = gaussian(random_features(m, width, 2), width);
    expect_relative(frechet(a, b).value, frechet(b, a).value, 1e-11);
  }
}

// Rotating and shifting both sets changes nothing; here by a permutation of the columns and a shift by 3.
TEST(Frechet, DoesNotDependOnTheAxes) {
  const auto move = [](const std::vector<float>& x) {
    std::vector<float> out;
    for (std::size_t i = 0; i < x.size(); i += 6) {
      for (std::size_t j = 0; j < 6; ++j) out.push_back(x[i + (j * 5 + 2) % 6] + 3.0f);
    }
    return out;
  };
  const auto x = first(40, 6), y = second(50, 6);
  expect_relative(frechet(gaussian(move(x), 6), gaussian(move(y), 6)).value, 1.1666975022239675, 1e-11);
}

// Beyond 128 dimensions LAPACK takes over: independent blocks add up.
TEST(Frechet, LargeMatricesAddUpOverIndependentBlocks) {
  const Gaussian a = gaussian(first(300, 20), 20), b = gaussian(second(260, 20), 20);
  const auto repeat = [](const Gaussian& g) {
    Gaussian out{0, Eigen::VectorXd(180), Eigen::MatrixXd::Zero(180, 180), {}};
    for (int i = 0; i < 9; ++i) {
      out.mean.segment(20 * i, 20) = g.mean;
      out.covariance.block(20 * i, 20 * i, 20, 20) = g.covariance;
    }
    return out;
  };
  const FrechetDistance d = frechet(repeat(a), repeat(b));
  expect_relative(d.value, 9 * 2.8249073094160523, 1e-11);
  EXPECT_EQ(d.route, "cholesky");

  Gaussian flat = repeat(a);  // rank 160
  flat.covariance.bottomRows(20).setZero();
  flat.covariance.rightCols(20).setZero();
  const double lost = frechet(a, b).value - frechet(a, b).mean_term;
  const double expected = 9 * frechet(a, b).mean_term + 8 * lost + b.covariance.trace();
  EXPECT_NEAR(frechet(flat, repeat(b)).value, expected, 1e-9);
  EXPECT_EQ(frechet(flat, repeat(b)).route, "cholesky");
}

TEST(Frechet, LowRankRowsReproduceTheCovariance) {
  const auto x = first(9, 16);
  const Gaussian low = gaussian(x, 16);
  FeatureMoments moments(16);
  moments.add(0, x);
  const Gaussian full = gaussian(moments);
  ASSERT_TRUE(low.low_rank());
  EXPECT_EQ(low.rows.rows(), 8);
  EXPECT_LT((low.rows.transpose() * low.rows - full.covariance).cwiseAbs().maxCoeff(), 1e-13);
  expect_relative(frechet(full, gaussian(second(50, 16), 16)).value, frechet(low, gaussian(second(50, 16), 16)).value,
                  1e-10);
}

/// Q diag(values) Q^T with Q the reflection along a fixed direction.
Eigen::MatrixXd rotated(const Eigen::VectorXd& values) {
  const auto n = values.size();
  Eigen::VectorXd v(n);
  for (Eigen::Index i = 0; i < n; ++i) v[i] = 1.0 + static_cast<double>(i * i % 7);
  v.normalize();
  const Eigen::MatrixXd q = Eigen::MatrixXd::Identity(n, n) - 2.0 * v * v.transpose();
  const Eigen::MatrixXd out = q * values.asDiagonal() * q;
  return 0.5 * (out + out.transpose());
}

/// Variances that fall by a power of their index, and their distance in closed form: they share their axes.
struct Commuting {
  Gaussian a, b;
  double expected = 0.0;

  Commuting(Eigen::Index n, double decay, double ratio, double scale) {
    Eigen::VectorXd first(n), second(n);
    for (Eigen::Index i = 0; i < n; ++i) {
      const double deviation = scale * std::pow(static_cast<double>(i + 1), -decay);
      const double other = deviation * (1.0 + ratio * (i % 2 == 0 ? 1.0 : -0.5));
      first[i] = deviation * deviation;
      second[i] = other * other;
      expected += (deviation - other) * (deviation - other);
    }
    a = {0, Eigen::VectorXd::Zero(n), rotated(first), {}};
    b = {0, Eigen::VectorXd::Zero(n), rotated(second), {}};
  }
};

// One stage below 384 dimensions, two from there on.
TEST(Frechet, DecayingSpectraHaveTheValueOfTheirClosedForm) {
  for (const Eigen::Index n : {40, 130, 400, 650}) {
    for (const double decay : {0.0, 0.7, 1.2}) {
      const Commuting sets(n, decay, 0.1, 1.0);
      const FrechetDistance d = frechet(sets.a, sets.b);
      EXPECT_EQ(d.route, "cholesky") << n << ", decay " << decay;
      expect_relative(d.value, sets.expected, 1e-10);
      EXPECT_LE(std::abs(d.value - sets.expected), d.residual) << n << ", decay " << decay;
    }
  }
}

TEST(Frechet, ScalesAsTheSquareOfTheFeatures) {
  for (const double scale : {1e-6, 1e6}) {
    const Commuting sets(400, 1.0, 0.1, scale);
    const FrechetDistance d = frechet(sets.a, sets.b);
    EXPECT_EQ(d.route, "cholesky") << scale;
    expect_relative(d.value, sets.expected, 1e-10);
  }
}

// Deviations over nine orders of magnitude in no order of their axes: the eigenvalues of a product over eighteen.
TEST(Frechet, NearlySingularCovariancesKeepTheirDigits) {
  for (const Eigen::Index n : {60, 400}) {
    const Commuting sets(n, n == 60 ? 3.0 : 2.0, 0.1, 1.0);
    const FrechetDistance d = frechet(sets.a, sets.b);
    expect_relative(d.value, sets.expected, 1e-9);
    EXPECT_LE(std::abs(d.value - sets.expected), d.residual) << d.route;
  }
}

// Deviations that fall by different powers, over up to six orders of magnitude: the slow route would cost several
// times as much and be no better.
TEST(Frechet, SteepSpectraKeepTheFastRoute) {
  for (const auto& [a_decay, b_decay] :
       std::vector<std::pair<double, double>>{{1.6, 1.6}, {2.2, 2.2}, {2.2, 0.5}, {0.5, 2.2}, {1.0, 2.0}, {2.0, 1.0}}) {
    constexpr Eigen::Index n = 400;
    Eigen::VectorXd a(n), b(n);
    double expected = 0.0;
    for (Eigen::Index i = 0; i < n; ++i) {
      const double x = std::pow(static_cast<double>(i + 1), -a_decay);
      const double y = std::pow(static_cast<double>(i + 1), -b_decay) * (i % 2 == 0 ? 1.1 : 0.95);
      a[i] = x * x;
      b[i] = y * y;
      expected += (x - y) * (x - y);
    }
    const FrechetDistance d =
        frechet({0, Eigen::VectorXd::Zero(n), rotated(a), {}}, {0, Eigen::VectorXd::Zero(n), rotated(b), {}});
    EXPECT_EQ(d.route, "cholesky") << a_decay << " " << b_decay;
    expect_relative(d.value, expected, 1e-9);
    EXPECT_LE(std::abs(d.value - expected), d.residual) << a_decay << " " << b_decay;
  }
}

// A direction that one set lacks, up to rounding, and the other has: a Cholesky factor's last pivot is rounding there.
TEST(Frechet, ADirectionThatOneSetLacksIsNotMadeOfRounding) {
  constexpr Eigen::Index n = 400;
  Eigen::VectorXd a = Eigen::VectorXd::Ones(n), b = Eigen::VectorXd::Constant(n, 4.0);
  a[n - 1] = 0.0;
  const Gaussian lacking{0, Eigen::VectorXd::Zero(n), rotated(a), {}},
      full{0, Eigen::VectorXd::Zero(n), rotated(b), {}};
  expect_relative(frechet(lacking, full).value, static_cast<double>(n - 1) + 4.0, 1e-10);
  expect_relative(frechet(full, lacking).value, static_cast<double>(n - 1) + 4.0, 1e-10);
}

// One variance at, below and above what rounding resolves, against a set that is flat: it adds its root.
TEST(Frechet, TheResidualCoversAVarianceThatRoundingHides) {
  for (const Eigen::Index n : {60, 400}) {
    const double resolved = static_cast<double>(n) * std::numeric_limits<double>::epsilon();
    for (const double share : {0.0, 0.02, 0.3, 0.9, 1.1, 10.0, 1e3, 1e6}) {
      const double variance = share * resolved;
      Eigen::VectorXd a = Eigen::VectorXd::Ones(n), b = Eigen::VectorXd::Constant(n, 4.0);
      a[n - 1] = variance;
      const Gaussian hiding{0, Eigen::VectorXd::Zero(n), rotated(a), {}};
      const Gaussian flat{0, Eigen::VectorXd::Zero(n), rotated(b), {}};
      const double expected = static_cast<double>(n - 1) + std::pow(2.0 - std::sqrt(variance), 2);
      for (const FrechetDistance& d : {frechet(hiding, flat), frechet(flat, hiding)}) {
        EXPECT_LE(std::abs(d.value - expected), d.residual) << n << ", " << share << " by " << d.route;
        EXPECT_LE(d.residual, 8.0 * std::sqrt(2.0 * resolved)) << n << ", " << share << " by " << d.route;
      }
    }
  }
}

TEST(Frechet, DecayingSetsThatAreNearlyOneAreNearlyAtZero) {
  const Commuting sets(400, 1.0, 1e-6, 1.0);
  const FrechetDistance d = frechet(sets.a, sets.b);
  EXPECT_GE(d.value, 0.0);
  EXPECT_NEAR(d.value, sets.expected, d.residual);
  EXPECT_LE(d.residual, 1e-12);
}

// The order of the axes decides how a factor is graded, and must not decide the value.
TEST(Frechet, LargeMatricesDoNotDependOnTheOrderOfTheAxes) {
  const Commuting sets(400, 1.0, 0.1, 1.0);
  const auto turned = [](const Gaussian& g) { return Gaussian{0, g.mean.reverse(), g.covariance.reverse(), {}}; };
  const FrechetDistance d = frechet(turned(sets.a), turned(sets.b));
  EXPECT_EQ(d.route, "cholesky");
  expect_relative(d.value, sets.expected, 1e-10);
}

// Feature 400 is feature 0 once more and feature 401 constant, in both sets: as if feature 0 were sqrt 2 times as
// large.
TEST(Frechet, ACopiedFeatureCountsTwiceAndAConstantOneNotAtAll) {
  const Commuting sets(400, 1.0, 0.1, 1.0);
  const auto extended = [](const Gaussian& g) {
    Gaussian out{0, Eigen::VectorXd::Zero(402), Eigen::MatrixXd::Zero(402, 402), {}};
    out.covariance.topLeftCorner(400, 400) = g.covariance;
    out.covariance.row(400) = out.covariance.row(0);
    out.covariance.col(400) = out.covariance.col(0);
    return out;
  };
  const auto enlarged = [](Gaussian g) {
    g.covariance.row(0) *= std::sqrt(2.0);
    g.covariance.col(0) *= std::sqrt(2.0);
    return g;
  };
  const FrechetDistance d = frechet(extended(sets.a), extended(sets.b));
  expect_relative(d.value, frechet(enlarged(sets.a), enlarged(sets.b)).value, 1e-9);
}

TEST(Frechet, SaysWhatIsWrong) {
  using ::testing::HasSubstr;
  using ::testing::ThrowsMessage;
  auto x = first(4, 3);
  EXPECT_THAT([&] { gaussian(std::span(x).first(3), 3); }, ThrowsMessage<InputError>(HasSubstr("at least 2")));
  EXPECT_THAT([&] { gaussian(x, 5); }, ThrowsMessage<InputError>(HasSubstr("width 5")));
  x[7] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT([&] { gaussian(x, 3); }, ThrowsMessage<InputError>(HasSubstr("sample 2 is not finite (column 1)")));
  EXPECT_THAT([&] { frechet(gaussian(first(9, 2), 2), gaussian(first(9, 3), 3)); },
              ThrowsMessage<InputError>(HasSubstr("differ (2 and 3)")));
  EXPECT_THAT([&] { frechet({}, gaussian(first(9, 3), 3)); },
              ThrowsMessage<InputError>(HasSubstr("first Gaussian is empty")));
}

}  // namespace
}  // namespace assay
