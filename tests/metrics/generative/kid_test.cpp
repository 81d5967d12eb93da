#include "metrics/generative/kid.h"

#include <ATen/ops/from_blob.h>
#include <ATen/ops/ones.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "core/error.h"
#include "kernels/thread_count.h"
#include "metrics/generative/kernel_sums.h"
#include "tests/support/repeatable_numbers.h"

namespace assay {
namespace {

using test::repeatable_numbers;
using ::testing::HasSubstr;

double kernel(const float* x, const float* y, std::int64_t width) {
  double product = 0.0;
  for (std::int64_t i = 0; i < width; ++i) product += double{x[i]} * double{y[i]};
  return std::pow(product / static_cast<double>(width) + 1.0, 3.0);
}

double mean_kernel(const FeatureRows& x, const FeatureRows& y, bool itself) {
  double sum = 0.0;
  for (std::int64_t i = 0; i < x.count(); ++i)
    for (std::int64_t j = 0; j < y.count(); ++j)
      if (!itself || i != j) sum += kernel(x.row(i), y.row(j), x.width);
  return sum / static_cast<double>(x.count() * (itself ? x.count() - 1 : y.count()));
}

double brute_force(const FeatureRows& x, const FeatureRows& y) {
  return mean_kernel(x, x, true) + mean_kernel(y, y, true) - 2.0 * mean_kernel(x, y, false);
}

/// The same from kernel_sums().
double squared_mmd(const FeatureRows& x, const FeatureRows& y) {
  const auto tensor = [](const FeatureRows& rows) {
    return at::from_blob(const_cast<float*>(rows.values.data()), {rows.count(), rows.width}, at::kFloat);
  };
  const auto mean = [&](const FeatureRows& a, const FeatureRows& b, bool itself) {
    const RowWeights ones{at::ones({b.count(), 1}, at::kDouble), {}};
    const double sum = kernel_sums(tensor(a), tensor(b), itself, ones).exact.sum().item<double>();
    return sum / static_cast<double>(a.count() * (itself ? a.count() - 1 : b.count()));
  };
  return mean(x, x, true) + mean(y, y, true) - 2.0 * mean(x, y, false);
}

class KidOfSmallSets : public ::testing::Test {
 protected:
  std::vector<float> generated_ = repeatable_numbers(300 * 8, 1, 0.1), reference_ = repeatable_numbers(400 * 8, 2);
  FeatureRows generated{generated_, 8}, reference{reference_, 8};
};

// g, r = the same numbers, [300, 8] and [400, 8], as float64 (torch-fidelity 0.4.0):
// kid_features_to_metric(g, r, kid_subsets=20, kid_subset_size=100, rng_seed=2020)
TEST_F(KidOfSmallSets, EqualsTorchFidelity) {
  const Kid found = kid(generated, reference, {.subsets = 20, .subset_size = 100});
  EXPECT_NEAR(found.mean, 0.08324446780549222, 1e-9);
  EXPECT_NEAR(found.deviation, 0.01923826028593506, 1e-9);
  EXPECT_EQ(found.subsets.size(), 20u);
}

TEST_F(KidOfSmallSets, BothRoutesAgree) {
  const Kid together = kid(generated, reference, {.subsets = 100, .subset_size = 280});
  const Kid apart = kid(generated, reference, {.subsets = 5, .subset_size = 280});
  EXPECT_EQ(together.route, "one kernel matrix");
  EXPECT_EQ(apart.route, "a kernel matrix a subset");
  for (std::size_t s = 0; s < 5; ++s) EXPECT_NEAR(together.subsets[s], apart.subsets[s], 1e-8);
}

TEST_F(KidOfSmallSets, AllPairsAreTheBruteForce) {
  EXPECT_NEAR(squared_mmd(generated, reference), brute_force(generated, reference), 1e-9);
}

TEST_F(KidOfSmallSets, SubsetsOfEverythingAreAllPairs) {
  const FeatureRows first{reference.values.first(300 * 8), 8};
  const Kid found = kid(generated, first, {.subsets = 3, .subset_size = 300});
  EXPECT_NEAR(found.mean, brute_force(generated, first), 5e-9);
  EXPECT_NEAR(found.deviation, 0.0, 1e-9);
}

TEST_F(KidOfSmallSets, BitsDoNotDependOnThreads) {
  const KidOptions options{.subsets = 10, .subset_size = 50, .replicates = 10};
  const auto on = [&](int threads) {
    const ThreadCount count(threads);
    return kid(generated, reference, options);
  };
  const Kid one = on(1), two = on(2);
  EXPECT_EQ(one.subsets, two.subsets);
  EXPECT_EQ(one.replicates, two.replicates);
}

TEST_F(KidOfSmallSets, RowsOfOtherSizesThanATileAreAllCounted) {
  for (const std::int64_t n : {2, 31, 511, 512, 513, 1030}) {
    const std::vector<float> more = repeatable_numbers(n * 3, 5), other = repeatable_numbers((n + 1) * 3, 6, 0.3);
    const FeatureRows x{more, 3}, y{other, 3};
    EXPECT_NEAR(squared_mmd(x, y), brute_force(x, y), 1e-6 / static_cast<double>(n)) << n;  // rounding of products
  }
}

TEST_F(KidOfSmallSets, ReplicatesSpreadAboutTheMean) {
  const Kid found = kid(generated, reference, {.subsets = 100, .subset_size = 200, .replicates = 400});
  const double mean = std::accumulate(found.replicates.begin(), found.replicates.end(), 0.0) / 400.0;
  double squares = 0.0;
  for (const double value : found.replicates) squares += (value - mean) * (value - mean);
  const double spread = std::sqrt(squares / 399.0);
  EXPECT_NEAR(mean, found.mean, 4.0 * spread / std::sqrt(400.0));
  EXPECT_GT(spread, 0.0);
}

// The swap changes which rows are in a and b; its effect is worked out from scratch.
TEST_F(KidOfSmallSets, SwappingARowTurnsTheSignOfItsShare) {
  const std::vector<float> other_ = repeatable_numbers(300 * 8, 3, 0.05);
  const FeatureRows other{other_, 8};
  const KidOptions options{.subsets = 100, .subset_size = 200};
  const KidPair pair = kid_pair(generated, other, reference, options);
  const double difference = squared_mmd(generated, reference) - squared_mmd(other, reference);
  EXPECT_NEAR(std::accumulate(pair.shares.begin(), pair.shares.end(), 0.0), difference, 1e-8);

  std::vector<float> a = generated_, b = other_;
  double turned = difference;
  for (const std::size_t row : {0u, 17u, 299u}) {
    std::swap_ranges(a.begin() + static_cast<std::ptrdiff_t>(row * 8),
                     a.begin() + static_cast<std::ptrdiff_t>(row * 8 + 8),
                     b.begin() + static_cast<std::ptrdiff_t>(row * 8));
    turned -= 2.0 * pair.shares[row];
  }
  EXPECT_NEAR(turned, squared_mmd({a, 8}, reference) - squared_mmd({b, 8}, reference), 1e-8);
}

TEST_F(KidOfSmallSets, EqualSetsDifferByRoundingAlone) {
  const KidPair pair = kid_pair(generated, generated, reference, {.subsets = 10, .subset_size = 200});
  double size = 0.0;
  for (const double share : pair.shares) size += std::abs(share);
  EXPECT_LT(size, pair.rounding);
  EXPECT_LT(pair.rounding, 1e-5);
}

TEST_F(KidOfSmallSets, PairGivesTheSingleScores) {
  const std::vector<float> other_ = repeatable_numbers(300 * 8, 3, 0.05);
  const KidOptions options{.subsets = 100, .subset_size = 200, .replicates = 5};
  const KidPair pair = kid_pair(generated, {other_, 8}, reference, options);
  const Kid alone = kid(generated, reference, options);
  for (std::size_t s = 0; s < 100; ++s) EXPECT_NEAR(pair.a.subsets[s], alone.subsets[s], 1e-8);
  for (std::size_t r = 0; r < 5; ++r) EXPECT_NEAR(pair.a.replicates[r], alone.replicates[r], 1e-8);
}

TEST(Kid, IdenticalConstantFeaturesGiveZero) {
  const std::vector<float> ones(20 * 4, 1.0f);
  EXPECT_NEAR(kid({ones, 4}, {ones, 4}, {.subsets = 3, .subset_size = 10}).mean, 0.0, 1e-12);
}

std::string message(const FeatureRows& generated, const FeatureRows& reference, const KidOptions& options) {
  try {
    kid(generated, reference, options);
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

TEST(Kid, TooFewRowsAreRefusedAndTheChoiceNamed) {
  const std::vector<float> some = repeatable_numbers(999 * 2, 1), many = repeatable_numbers(1000 * 2, 1);
  EXPECT_THAT(message({some, 2}, {many, 2}, {}), ::testing::AllOf(HasSubstr("999"), HasSubstr("--kid-subset-size")));
  EXPECT_EQ(message({many, 2}, {many, 2}, {.subsets = 1}), "");
}

TEST(Kid, ValuesThatAreNotFiniteAreNamedByRowAndColumn) {
  std::vector<float> some = repeatable_numbers(20 * 2, 1);
  const std::vector<float> good = some;
  some[7 * 2 + 1] = std::numeric_limits<float>::infinity();
  const KidOptions options{.subsets = 1, .subset_size = 10};
  EXPECT_THAT(message({good, 2}, {some, 2}, options), HasSubstr("reference features: row 7, column 1"));
  some[7 * 2 + 1] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(message({some, 2}, {good, 2}, options), HasSubstr("generated features: row 7, column 1"));
  EXPECT_THAT(message({good, 2}, {good, 4}, options), HasSubstr("wide"));
}

}  // namespace
}  // namespace assay
