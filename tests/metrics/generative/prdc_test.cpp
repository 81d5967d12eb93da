#include "metrics/generative/prdc.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/error.h"
#include "kernels/thread_count.h"
#include "tests/support/repeatable_numbers.h"
#include "tests/support/throws.h"

namespace assay {
namespace {

using test::message_of;
using test::repeatable_numbers;
using ::testing::HasSubstr;

/// Euclidean distance as prdc compares it: summed in double, rounded to float32.
float distance(const float* a, const float* b, std::int64_t width) {
  double sum = 0.0;
  for (std::int64_t i = 0; i < width; ++i) sum += (double{a[i]} - double{b[i]}) * (double{a[i]} - double{b[i]});
  return std::sqrt(static_cast<float>(sum));
}

std::vector<float> brute_radii(const FeatureRows& rows, std::int64_t k) {
  std::vector<float> radii;
  for (std::int64_t i = 0; i < rows.count(); ++i) {
    std::vector<float> all;
    for (std::int64_t j = 0; j < rows.count(); ++j) all.push_back(distance(rows.row(i), rows.row(j), rows.width));
    std::sort(all.begin(), all.end());
    radii.push_back(all[static_cast<std::size_t>(k)]);
  }
  return radii;
}

struct Scores {
  double precision, recall, density, coverage;
};

Scores brute_force(const FeatureRows& generated, const FeatureRows& reference, std::int64_t k, bool closed) {
  const auto own = brute_radii(reference, k), other = brute_radii(generated, k);
  const auto n = static_cast<std::size_t>(generated.count()), m = static_cast<std::size_t>(reference.count());
  std::vector<int> balls(n, 0), covered(m, 0), recalled(m, 0);
  for (std::size_t i = 0; i < m; ++i)
    for (std::size_t j = 0; j < n; ++j) {
      const float d = distance(reference.row(static_cast<std::int64_t>(i)), generated.row(static_cast<std::int64_t>(j)),
                               generated.width);
      if (closed ? d <= own[i] : d < own[i]) ++balls[j], covered[i] = 1;
      if (closed ? d <= other[j] : d < other[j]) recalled[i] = 1;
    }
  const auto mean = [](const std::vector<int>& v) {
    return std::accumulate(v.begin(), v.end(), 0.0) / static_cast<double>(v.size());
  };
  const double density = mean(balls) / static_cast<double>(k);
  for (int& count : balls) count = count > 0;
  return {mean(balls), mean(recalled), density, mean(covered)};
}

void expect_equal(const Prdc& found, const Scores& expected) {
  EXPECT_NEAR(found.precision, expected.precision, 1e-12);
  EXPECT_NEAR(found.recall, expected.recall, 1e-12);
  EXPECT_NEAR(found.density, expected.density, 1e-12);
  EXPECT_NEAR(found.coverage, expected.coverage, 1e-12);
}

// The same numbers: compute_prdc(reference, generated, nearest_k) of prdc 0.2.
TEST(Prdc, EqualsThePrdcPackage) {
  {
    const auto g = repeatable_numbers(350 * 64, 4, 0.02), r = repeatable_numbers(300 * 64, 5);
    expect_equal(prdc({g, 64}, {r, 64}), {0.8914285714285715, 0.88, 0.9754285714285715, 0.9833333333333333});
  }
  {
    const auto g = repeatable_numbers(300 * 3, 4, 0.1), r = repeatable_numbers(400 * 3, 5);
    expect_equal(prdc({g, 3}, {r, 3}), {0.9433333333333334, 0.9375, 0.832, 0.8275});
  }
  {
    const auto g = repeatable_numbers(300 * 16, 4, 100.05), r = repeatable_numbers(260 * 16, 5, 100.0);
    expect_equal(prdc({g, 16}, {r, 16}, {.k = 3}), {0.88, 0.8461538461538461, 1.0588888888888888, 0.9115384615384615});
  }
}

// torch-fidelity 0.4.0: prc_features_to_metric(generated, reference, prc_neighborhood=3)
TEST(Prdc, ClosedBallsEqualTorchFidelity) {
  const auto g = repeatable_numbers(350 * 64, 4, 0.02), r = repeatable_numbers(300 * 64, 5);
  const Prdc found = prdc({g, 64}, {r, 64}, {.k = 3, .closed = true});
  EXPECT_NEAR(found.precision, 0.7685714364051819, 1e-7);
  EXPECT_NEAR(found.recall, 0.79666668176651, 1e-7);
}

TEST(Prdc, EqualsTheBruteForceAtEverySize) {
  for (const std::int64_t n : {6, 17, 255, 257, 600})
    for (const bool closed : {false, true}) {
      const auto g = repeatable_numbers(n * 7, 8, 0.05), r = repeatable_numbers((n + 30) * 7, 9);
      const FeatureRows generated{g, 7}, reference{r, 7};
      expect_equal(prdc(generated, reference, {.k = 5, .closed = closed}),
                   brute_force(generated, reference, 5, closed));
    }
}

// Small integers: many equal distances and repeated rows.
TEST(Prdc, TiesAndRepeatedRowsFollowTheRule) {
  auto g = repeatable_numbers(200 * 2, 10), r = repeatable_numbers(220 * 2, 11);
  for (auto* values : {&g, &r})
    for (float& value : *values) value = std::floor(value * 6.0f);
  const FeatureRows generated{g, 2}, reference{r, 2};
  for (const bool closed : {false, true})
    expect_equal(prdc(generated, reference, {.k = 3, .closed = closed}), brute_force(generated, reference, 3, closed));
}

// Rows far from the origin and close to each other: float32 alone would see nothing but rounding.
TEST(Prdc, NearDuplicatesFarFromTheOriginAreToldApart) {
  auto g = repeatable_numbers(120 * 32, 12), r = repeatable_numbers(130 * 32, 13);
  for (auto* values : {&g, &r})
    for (float& value : *values) value = 1000.0f + std::round(value * 64.0f) / 4096.0f;
  const FeatureRows generated{g, 32}, reference{r, 32};
  expect_equal(prdc(generated, reference), brute_force(generated, reference, 5, false));
}

TEST(Prdc, OneFarRowDoesNotChangeTheOthers) {
  auto g = repeatable_numbers(150 * 8, 14), r = repeatable_numbers(150 * 8, 15);
  g[3] = 1e6f;
  r[77] = -3e7f;
  const FeatureRows generated{g, 8}, reference{r, 8};
  expect_equal(prdc(generated, reference), brute_force(generated, reference, 5, false));
}

TEST(Prdc, ASetAgainstItselfIsPerfect) {
  const auto x = repeatable_numbers(50 * 4, 6);
  expect_equal(prdc({x, 4}, {x, 4}), {1.0, 1.0, 1.0, 1.0});
}

// All distances are 0: an open ball holds nothing, a closed one everything.
TEST(Prdc, ConstantFeaturesAreInClosedBallsOnly) {
  const std::vector<float> x(20 * 3, 0.25f);
  expect_equal(prdc({x, 3}, {x, 3}), {0.0, 0.0, 0.0, 0.0});
  expect_equal(prdc({x, 3}, {x, 3}, {.k = 4, .closed = true}), {1.0, 1.0, 5.0, 1.0});
}

TEST(Prdc, SetsFarApartShareNothing) {
  const auto g = repeatable_numbers(40 * 4, 6), r = repeatable_numbers(40 * 4, 7, 100.0);
  expect_equal(prdc({g, 4}, {r, 4}), {0.0, 0.0, 0.0, 0.0});
}

// Multiples of 1/8 below 4 in three columns: float16 holds them, their products and sums exactly.
TEST(Prdc, HalfPrecisionIsExactWhereFloat16Is) {
  auto g = repeatable_numbers(90 * 3, 16), r = repeatable_numbers(80 * 3, 17);
  for (auto* values : {&g, &r})
    for (float& value : *values) value = std::floor(value * 16.0f) / 8.0f;
  const FeatureRows generated{g, 3}, reference{r, 3};
  expect_equal(prdc(generated, reference, {.k = 3, .closed = true, .distance = BallDistance::half_squared}),
               brute_force(generated, reference, 3, true));
}

// numpy: u, v in float16; max(|u|^2 - 2 u.v + |v|^2, 0), each step rounded to float16 (the product summed in double):
// tests/data/metrics/half_balls.py prints these.
TEST(Prdc, HalfPrecisionRoundsAsTheEvaluatorDoes) {
  const auto g = repeatable_numbers(350 * 64, 4, 0.02), r = repeatable_numbers(300 * 64, 5);
  const Prdc found = prdc({g, 64}, {r, 64}, {.k = 3, .closed = true, .distance = BallDistance::half_squared});
  EXPECT_NEAR(found.precision, 0.7742857142857142, 1e-12);
  EXPECT_NEAR(found.recall, 0.7966666666666666, 1e-12);
}

TEST(Prdc, ResultsDoNotDependOnThreads) {
  const auto g = repeatable_numbers(350 * 16, 4, 0.02), r = repeatable_numbers(300 * 16, 5);
  const PrdcOptions options{.replicates = 8, .bootstrap_seed = 3};
  const auto on = [&](int threads) {
    const ThreadCount count(threads);
    return prdc({g, 16}, {r, 16}, options);
  };
  const Prdc one = on(1), two = on(2);
  EXPECT_EQ(one.balls, two.balls);
  EXPECT_EQ(one.replicates.recall, two.replicates.recall);
  EXPECT_EQ(one.replicates.coverage, two.replicates.coverage);
}

TEST(Prdc, ScoresDoNotDependOnReplicates) {
  const auto g = repeatable_numbers(300 * 16, 4, 0.02), r = repeatable_numbers(280 * 16, 5);
  const Prdc with = prdc({g, 16}, {r, 16}, {.replicates = 3}), without = prdc({g, 16}, {r, 16});
  expect_equal(with, {without.precision, without.recall, without.density, without.coverage});
}

// The half that replicate 0 takes is not known here; the scores of a half lie about those of all halves' mean.
TEST(Prdc, ReplicatesSpreadAboutTheScores) {
  const auto g = repeatable_numbers(400 * 6, 4, 0.1), r = repeatable_numbers(380 * 6, 5);
  const Prdc found = prdc({g, 6}, {r, 6}, {.replicates = 200});
  for (const auto& [values, score] :
       {std::pair(&found.replicates.precision, found.precision), std::pair(&found.replicates.recall, found.recall),
        std::pair(&found.replicates.density, found.density), std::pair(&found.replicates.coverage, found.coverage)}) {
    ASSERT_EQ(values->size(), 200u);
    EXPECT_NEAR(std::accumulate(values->begin(), values->end(), 0.0) / 200.0, score, 1e-9);
    EXPECT_GT(*std::max_element(values->begin(), values->end()), score);
    EXPECT_LT(*std::min_element(values->begin(), values->end()), score);
  }
}

TEST(PrdcPair, GivesTheSingleScoresAndTheirDifference) {
  const auto a = repeatable_numbers(300 * 6, 4, 0.1), b = repeatable_numbers(300 * 6, 21),
             r = repeatable_numbers(280 * 6, 5);
  const PrdcPair pair = prdc_pair({a, 6}, {b, 6}, {r, 6}, {}, 20);
  const Prdc first = prdc({a, 6}, {r, 6}), second = prdc({b, 6}, {r, 6});
  EXPECT_EQ(pair.a.recall, first.recall);
  EXPECT_EQ(pair.b.coverage, second.coverage);
  EXPECT_NEAR(pair.recall.observed, first.recall - second.recall, 1e-12);
  EXPECT_NEAR(pair.coverage.observed, first.coverage - second.coverage, 1e-12);
  EXPECT_EQ(pair.recall.swapped.size(), 20u);
}

// What a swap gives is worked out from scratch with the swapped sets: those whose first score appears.
TEST(PrdcPair, SwapsGiveScoresOfSwappedSets) {
  const auto a = repeatable_numbers(8 * 2, 4, 0.2), b = repeatable_numbers(8 * 2, 21),
             r = repeatable_numbers(30 * 2, 5);
  const PrdcPair pair = prdc_pair({a, 2}, {b, 2}, {r, 2}, {.k = 2}, 60);
  std::vector<double> possible;
  for (unsigned tosses = 0; tosses < 256; ++tosses) {
    auto x = a, y = b;
    for (std::size_t i = 0; i < 8; ++i)
      if ((tosses >> i & 1u) != 0)
        for (std::size_t d = 0; d < 2; ++d) std::swap(x[i * 2 + d], y[i * 2 + d]);
    const Scores first = brute_force({x, 2}, {r, 2}, 2, false), second = brute_force({y, 2}, {r, 2}, 2, false);
    possible.push_back(first.recall - second.recall);
  }
  for (const double difference : pair.recall.swapped)
    EXPECT_TRUE(std::any_of(possible.begin(), possible.end(), [&](double p) {
      return std::abs(p - difference) < 1e-12;
    })) << difference;
}

TEST(Prdc, TooFewRowsAreRefused) {
  const auto few = repeatable_numbers(5 * 2, 1), enough = repeatable_numbers(6 * 2, 1);
  EXPECT_THAT(message_of<InputError>([&] { prdc({few, 2}, {enough, 2}); }), HasSubstr("at least 6 rows"));
  EXPECT_NO_THROW(prdc({enough, 2}, {enough, 2}));
}

TEST(Prdc, ValuesThatAreNotFiniteOrTooLargeAreNamed) {
  auto x = repeatable_numbers(10 * 2, 1);
  const auto good = x;
  x[13] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(message_of<InputError>([&] { prdc({x, 2}, {good, 2}); }), HasSubstr("row 6, column 1"));
  x[13] = 1e30f;
  EXPECT_THAT(message_of<InputError>([&] { prdc({x, 2}, {good, 2}); }), HasSubstr("row 6 holds"));
}

}  // namespace
}  // namespace assay
