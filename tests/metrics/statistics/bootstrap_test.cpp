#include "metrics/statistics/bootstrap.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "core/error.h"
#include "core/philox.h"
#include "core/student_t.h"
#include "metrics/generative/frechet.h"
#include "metrics/generative/frechet_bootstrap.h"

namespace assay {
namespace {

std::vector<float> normal_features(std::int64_t n, std::int64_t width, std::uint64_t seed) {
  std::vector<float> out(static_cast<std::size_t>(n * width));
  RandomStream(seed, Purpose::noise, 0).fill_normal(out);
  return out;
}

TEST(Quantile, InterpolatesAsNumpyDoes) {
  const std::vector<double> values = {4, 1, 3, 2};
  EXPECT_DOUBLE_EQ(quantile(values, 0.0), 1.0);
  EXPECT_DOUBLE_EQ(quantile(values, 0.5), 2.5);
  EXPECT_DOUBLE_EQ(quantile(values, 0.9), 3.7);  // numpy.quantile([4, 1, 3, 2], .9)
  EXPECT_DOUBLE_EQ(quantile(values, 1.0), 4.0);
}

TEST(Intervals, RecentredHoldsTheEstimateWhereThePercentileIntervalDoesNot) {
  std::vector<double> replicates(1001);
  std::iota(replicates.begin(), replicates.end(), 0.0);
  const ScoreInterval p = percentile_interval(replicates, "bootstrap", 0.9),
                      r = recentred_interval(10.0, replicates, "bootstrap, recentred", 0.9);
  EXPECT_EQ(p.level, 0.9);
  EXPECT_EQ(p.method, "bootstrap");
  EXPECT_EQ(r.level, 0.9);
  EXPECT_EQ(r.method, "bootstrap, recentred");
  EXPECT_NEAR(p.low, 50.0, 1e-9);
  EXPECT_NEAR(p.high, 950.0, 1e-9);
  EXPECT_NEAR(r.low, 10.0 - 450.0, 1e-9);
  EXPECT_NEAR(r.high, 10.0 + 450.0, 1e-9);
}

// scipy.stats.ttest_rel(a, b) with confidence_interval(.95); permutation_test(..., permutation_type='samples') gives
// 1/8.
TEST(PairedDifferenceOverSeeds, AgreesWithScipy) {
  const std::vector<double> a = {3.1, 2.9, 3.4, 3.0, 3.3}, b = {2.8, 2.7, 3.3, 3.05, 3.0};
  const PairedDifference d = paired_difference(a, b);
  EXPECT_EQ(d.n, 5);
  EXPECT_NEAR(d.mean, 0.17, 1e-14);
  EXPECT_NEAR(d.deviation, 0.1483239697419132, 1e-13);
  EXPECT_NEAR(d.interval.low, -0.014168533299198066, 1e-12);
  EXPECT_NEAR(d.interval.high, 0.35416853329919806, 1e-12);
  EXPECT_NEAR(d.p_value, 0.062449600206162956, 1e-12);
  EXPECT_DOUBLE_EQ(sign_flip_p_value(std::vector<double>{0.3, 0.2, 0.1, -0.05, 0.3}), 0.125);
}

TEST(PairedDifferenceOverSeeds, NoDifferenceIsNotSignificant) {
  const std::vector<double> a = {1, 2, 3}, shifted = {2, 3, 4};
  EXPECT_EQ(paired_difference(a, a).p_value, 1.0);
  EXPECT_EQ(paired_difference(a, shifted).p_value, 0.0);
  EXPECT_EQ(paired_difference(a, shifted).interval.low, -1.0);
}

TEST(SignFlip, AllOfOneSignGivesTheSmallestPossibleValue) {
  for (std::size_t n = 1; n <= 12; ++n) {
    EXPECT_DOUBLE_EQ(sign_flip_p_value(std::vector<double>(n, 0.7)),
                     std::min(1.0, std::pow(2.0, 1.0 - static_cast<double>(n))));
  }
  EXPECT_EQ(sign_flip_p_value(std::vector<double>(4, 0.0)), 1.0);
}

// No random pattern of 30 signs in 100,000 repeats the observed one, which counts itself all the same.
TEST(SignFlip, TheObservedPatternIsOneOfThem) {
  EXPECT_DOUBLE_EQ(sign_flip_p_value(std::vector<double>(30, 0.7), 3), 1.0 / 100001.0);
}

// 30 differences, too many to enumerate: the normal approximation of the same test says 2 (1 - Phi(z)).
TEST(SignFlip, RandomPatternsApproachTheNormalTest) {
  std::vector<double> differences;
  double sum = 0, squares = 0;
  for (int i = 0; i < 30; ++i) {
    differences.push_back(std::sin(i * 1.7) + 0.25);
    sum += differences.back();
    squares += differences.back() * differences.back();
  }
  const double p = std::erfc(std::abs(sum) / std::sqrt(squares) / std::sqrt(2.0));
  EXPECT_NEAR(sign_flip_p_value(differences, 3), p, 0.01);
  EXPECT_EQ(sign_flip_p_value(differences, 3), sign_flip_p_value(differences, 3));
}

// By hand: sorted .01, .02, .03, .04 times 4, 3, 2, 1 = .04, .06, .06, .04, made monotone.
TEST(Holm, AdjustsAsWorkedByHand) {
  EXPECT_THAT(holm(std::vector<double>{0.04, 0.01, 0.03, 0.02}),
              ::testing::ElementsAre(::testing::DoubleNear(0.06, 1e-15), ::testing::DoubleNear(0.04, 1e-15),
                                     ::testing::DoubleNear(0.06, 1e-15), ::testing::DoubleNear(0.06, 1e-15)));
  EXPECT_THAT(holm(std::vector<double>{0.6, 0.9}), ::testing::ElementsAre(1.0, 1.0));
  EXPECT_TRUE(holm({}).empty());
}

TEST(Bootstrap, TheMeansOfResamplesSpreadAsTheStandardError) {
  std::vector<double> x(400);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<double>(i % 20);  // variance 33.25
  const Statistic mean = [&](std::span<const std::int64_t> indices) {
    double sum = 0;
    for (const std::int64_t i : indices) sum += x[static_cast<std::size_t>(i)];
    return sum / static_cast<double>(indices.size());
  };
  const auto values = bootstrap(400, mean, 4000, 1);
  double sum = 0, squares = 0;
  for (const double v : values) {
    sum += v;
    squares += v * v;
  }
  EXPECT_NEAR(sum / 4000, 9.5, 0.03);
  EXPECT_NEAR(squares / 4000 - sum * sum / 16e6, 33.25 / 400, 0.006);
  EXPECT_EQ(bootstrap(400, mean, 50, 1, 1), bootstrap(400, mean, 50, 1, 5));
  EXPECT_NE(bootstrap(400, mean, 50, 1), bootstrap(400, mean, 50, 2));
}

TEST(Bootstrap, PairedResamplesCancelWhatTheArmsShare) {
  std::vector<double> x(100);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = std::sin(static_cast<double>(i));
  const auto mean_plus = [&](double shift) {
    return [&x, shift](std::span<const std::int64_t> indices) {
      double sum = 0;
      for (const std::int64_t i : indices) sum += x[static_cast<std::size_t>(i)] + shift;
      return sum / static_cast<double>(indices.size());
    };
  };
  for (const double d : paired_bootstrap(100, mean_plus(2.0), mean_plus(0.5), 50, 7)) EXPECT_NEAR(d, 1.5, 1e-12);
}

TEST(Bootstrap, PassesOnWhatTheStatisticThrows) {
  EXPECT_THROW(bootstrap(
                   10, [](auto) -> double { throw Error("no"); }, 20, 1, 3),
               Error);
}

// The plain way: gather the resampled rows, fit, measure.
TEST(FrechetBootstrap, GivesWhatGatheredRowsGive) {
  constexpr std::int64_t n = 150, width = 6;
  const auto x = normal_features(n, width, 1);
  const Gaussian reference = gaussian(normal_features(200, width, 2), width);
  for (const Divisor divisor : {Divisor::n, Divisor::n_minus_1}) {
    const auto values = frechet_bootstrap(x, width, reference, 10, 5, divisor);
    for (std::int64_t r = 0; r < 10; ++r) {
      std::vector<float> rows;
      for (const std::int64_t i : resample_indices(n, 5, r))
        rows.insert(rows.end(), x.begin() + i * width, x.begin() + (i + 1) * width);
      EXPECT_NEAR(values[static_cast<std::size_t>(r)], frechet(reference, gaussian(rows, width, divisor)).value, 1e-11);
    }
  }
}

TEST(FrechetBootstrap, HasTheSameBitsForAnyThreadCount) {
  const auto x = normal_features(300, 16, 1);
  const Gaussian reference = gaussian(normal_features(300, 16, 2), 16);
  const auto one = frechet_bootstrap(x, 16, reference, 24, 5, Divisor::n_minus_1, 1);
  EXPECT_EQ(one, frechet_bootstrap(x, 16, reference, 24, 5, Divisor::n_minus_1, 4));
  EXPECT_NE(one, frechet_bootstrap(x, 16, reference, 24, 6, Divisor::n_minus_1, 4));
}

TEST(FrechetBootstrap, PairedArmsShareTheirIndices) {
  const auto x = normal_features(200, 8, 1);
  auto moved = x;
  for (std::size_t i = 0; i < moved.size(); i += 8) moved[i] += 0.5f;
  const Gaussian reference = gaussian(normal_features(400, 8, 2), 8);
  const auto same = frechet_paired_bootstrap(x, x, 8, reference, 20, 3);
  EXPECT_THAT(same.differences(), ::testing::Each(0.0));
  const auto pairs = frechet_paired_bootstrap(moved, x, 8, reference, 50, 3);
  EXPECT_EQ(pairs.b, frechet_bootstrap(x, 8, reference, 50, 3));
  EXPECT_GT(percentile_interval(pairs.differences()).low, 0.0);
}

TEST(BootstrapErrors, SayWhatIsWrong) {
  using ::testing::HasSubstr;
  using ::testing::ThrowsMessage;
  const std::vector<double> two = {1, 2}, three = {1, 2, 3}, bad = {1, std::numeric_limits<double>::quiet_NaN()};
  EXPECT_THAT([&] { paired_difference(two, three); }, ThrowsMessage<InputError>(HasSubstr("2 and 3")));
  EXPECT_THAT([&] { paired_difference(two, bad); }, ThrowsMessage<InputError>(HasSubstr("pair 1")));
  EXPECT_THAT([&] { paired_difference({}, {}); }, ThrowsMessage<InputError>(HasSubstr("at least 2 pairs")));
  EXPECT_THAT([&] { quantile({}, 0.5); }, ThrowsMessage<InputError>(HasSubstr("no values")));
  EXPECT_THAT([&] { quantile(bad, 0.5); }, ThrowsMessage<InputError>(HasSubstr("NaN")));
  EXPECT_THAT([&] { percentile_interval(two, "", 1.0); }, ThrowsMessage<InputError>(HasSubstr("confidence")));
  EXPECT_THAT([&] { holm(std::vector<double>{0.5, 1.5}); }, ThrowsMessage<InputError>(HasSubstr("1.5")));
  EXPECT_THAT(
      [&] {
        bootstrap(
            0, [](auto) { return 0.0; }, 5, 1);
      },
      ThrowsMessage<InputError>(HasSubstr("at least 1 sample")));
}

}  // namespace
}  // namespace assay
