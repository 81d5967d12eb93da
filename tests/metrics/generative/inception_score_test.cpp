#include "metrics/generative/inception_score.h"

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

std::vector<float> logits(std::uint64_t seed = 3) {
  std::vector<float> values = repeatable_numbers(257 * 20, seed);
  for (float& value : values) value *= 6.0f;
  return values;
}

// x = 6 times the same numbers, [257, 20], torch-fidelity 0.4.0: isc_features_to_metric(x)
TEST(InceptionScore, EqualsTorchFidelity) {
  const std::vector<float> x = logits();
  const InceptionScore found = inception_score({x, 20});
  EXPECT_NEAR(found.mean, 2.0987983659517178, 1e-12);
  EXPECT_NEAR(found.deviation, 0.08367523041887616, 1e-12);
}

// isc_features_to_metric(x, splits=3, rng_seed=7)
TEST(InceptionScore, OtherSplitsAndSeedsEqualTorchFidelity) {
  const std::vector<float> x = logits();
  const InceptionScore found = inception_score({x, 20}, {.splits = 3, .seed = 7});
  EXPECT_NEAR(found.mean, 2.1571667428384678, 1e-12);
  EXPECT_NEAR(found.deviation, 0.015810419899805, 1e-12);
}

// p = softmax of x; for i in range(0, 257, 100): part = p[i:i+100]
// kl = part * (log(part) - log(part.mean(0))); exp(mean(sum(kl, 1)))
TEST(InceptionScore, FileOrderCountsTheTailAsASplit) {
  const std::vector<float> x = logits();
  const InceptionScore found = inception_score({x, 20}, {.split_size = 100});
  EXPECT_THAT(found.splits, testing::Pointwise(testing::DoubleNear(1e-12),
                                               {2.1497588065777173, 2.1474879672481495, 2.170686411318421}));
  EXPECT_NEAR(found.mean, 2.1559777283814294, 1e-12);
}

TEST(InceptionScore, CertainAndEvenClassesGiveTheirNumber) {
  std::vector<float> x(40 * 4, 0.0f);
  for (std::size_t i = 0; i < 40; ++i) x[i * 4 + i % 4] = 2000.0f;  // all other probabilities underflow
  EXPECT_NEAR(inception_score({x, 4}, {.split_size = 40}).mean, 4.0, 1e-12);
}

TEST(InceptionScore, EqualRowsGiveOne) {
  const std::vector<float> x(30 * 5, 1.5f);
  const InceptionScore found = inception_score({x, 5});
  EXPECT_NEAR(found.mean, 1.0, 1e-12);
  EXPECT_NEAR(found.deviation, 0.0, 1e-12);
}

TEST(InceptionScore, EqualRowsNeverScoreBelowOne) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const std::vector<float> row = repeatable_numbers(10, seed);
    std::vector<float> x;
    for (int i = 0; i < 20000; ++i) x.insert(x.end(), row.begin(), row.end());
    const InceptionScore found = inception_score({x, 10}, {.splits = 1, .replicates = 3});
    EXPECT_GE(found.mean, 1.0) << seed;
    EXPECT_NEAR(found.mean, 1.0, 2e-15) << seed;
    for (const double replicate : found.replicates) EXPECT_GE(replicate, 1.0) << seed;
  }
}

TEST(InceptionScore, OneImageScoresOneInFileOrder) {
  const std::vector<float> x = {1.0f, 2.0f, -1.0f};
  EXPECT_NEAR(inception_score({x, 3}, {.split_size = 5000}).mean, 1.0, 1e-12);
}

TEST(InceptionScore, FewerRowsThanSplitsAreRefused) {
  const std::vector<float> x(9 * 2, 0.0f);
  EXPECT_THAT(message_of<InputError>([&] { inception_score({x, 2}); }), HasSubstr("10 splits"));
}

TEST(InceptionScore, ValuesThatAreNotFiniteAreNamed) {
  std::vector<float> x(20 * 2, 0.0f);
  x[5] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(message_of<InputError>([&] { inception_score({x, 2}); }), HasSubstr("row 2, column 1"));
}

TEST(InceptionScore, ReplicatesSpreadLikeSamples) {
  const std::vector<float> x = logits();
  const InceptionScore found = inception_score({x, 20}, {.splits = 1, .replicates = 300, .bootstrap_seed = 5});
  const double mean = std::accumulate(found.replicates.begin(), found.replicates.end(), 0.0) / 300.0;
  EXPECT_NEAR(mean, found.mean, 0.05 * found.mean);
  EXPECT_GT(*std::max_element(found.replicates.begin(), found.replicates.end()), found.mean);
}

TEST(InceptionScore, BitsDoNotDependOnThreads) {
  const std::vector<float> x = logits();
  const auto on = [&](int threads) {
    const ThreadCount count(threads);
    return inception_score({x, 20}, {.replicates = 20});
  };
  const InceptionScore one = on(1), two = on(2);
  EXPECT_EQ(one.splits, two.splits);
  EXPECT_EQ(one.replicates, two.replicates);
}

TEST(InceptionScorePair, GivesTheSingleScores) {
  const std::vector<float> a = logits(3), b = logits(4);
  const InceptionScoreOptions options{.replicates = 7, .bootstrap_seed = 2};
  const InceptionScorePair pair = inception_score_pair({a, 20}, {b, 20}, options, 0);
  const InceptionScore alone = inception_score({b, 20}, options);
  EXPECT_EQ(pair.b.mean, alone.mean);
  EXPECT_EQ(pair.b.replicates, alone.replicates);
}

// Equal sets do not change when rows are swapped; unequal ones do, as often up as down.
TEST(InceptionScorePair, SwapsOfEqualSetsGiveZero) {
  const std::vector<float> a = logits(3), b = logits(4);
  const InceptionScorePair same = inception_score_pair({a, 20}, {a, 20}, {}, 10);
  for (const double difference : same.swapped) EXPECT_NEAR(difference, 0.0, 1e-12);
  const InceptionScorePair other = inception_score_pair({a, 20}, {b, 20}, {}, 500);
  const auto up = std::count_if(other.swapped.begin(), other.swapped.end(), [](double d) { return d > 0.0; });
  EXPECT_GT(up, 180);
  EXPECT_LT(up, 320);
}

}  // namespace
}  // namespace assay
