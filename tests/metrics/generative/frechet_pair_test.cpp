#include "metrics/generative/frechet_pair.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "core/error.h"
#include "tests/support/repeatable_numbers.h"

namespace assay {
namespace {

using test::repeatable_numbers;

/// fid of a less that of b after rows `rows` are swapped.
double difference(std::vector<float> a, std::vector<float> b, std::int64_t width, const Gaussian& reference,
                  const std::vector<std::size_t>& rows) {
  for (const std::size_t row : rows)
    for (std::size_t d = 0; d < static_cast<std::size_t>(width); ++d)
      std::swap(a[row * static_cast<std::size_t>(width) + d], b[row * static_cast<std::size_t>(width) + d]);
  return frechet(reference, gaussian(a, width)).value - frechet(reference, gaussian(b, width)).value;
}

// Sets that differ little from their pool: what the first order leaves out is of the square of that little.
TEST(FrechetPair, SharesAddUpToASmallDifference) {
  const std::int64_t n = 4000, width = 4;
  const auto a = repeatable_numbers(n * width, 1), b = repeatable_numbers(n * width, 2, 0.002);
  const auto r = repeatable_numbers(n * width, 3, 0.3);
  const Gaussian reference = gaussian(r, width);
  const FrechetPair found = frechet_pair({a, width}, {b, width}, reference, Divisor::n_minus_1, 0, 0);
  const double all = std::accumulate(found.shares.begin(), found.shares.end(), 0.0);
  EXPECT_NEAR(all, found.a - found.b, 0.01 * std::abs(found.a - found.b));
  EXPECT_EQ(found.a - found.b, difference(a, b, width, reference, {}));

  const std::vector<std::size_t> rows = {0, 5, 77, 3999, 1200, 1201, 1202};
  double turned = all;
  for (const std::size_t row : rows) turned -= 2.0 * found.shares[row];
  EXPECT_NEAR(turned - all, difference(a, b, width, reference, rows) - (found.a - found.b),
              0.02 * std::abs(turned - all));
}

// Fewer reference rows than dimensions: the optimal map goes through a factor of rank 9.
TEST(FrechetPair, ALowRankReferenceHasSharesToo) {
  const std::int64_t n = 3000, width = 12;
  const auto a = repeatable_numbers(n * width, 4), b = repeatable_numbers(n * width, 5, 0.003);
  const auto r = repeatable_numbers(10 * width, 6, 0.2);
  const FrechetPair found = frechet_pair({a, width}, {b, width}, gaussian(r, width), Divisor::n_minus_1, 0, 0);
  EXPECT_NEAR(std::accumulate(found.shares.begin(), found.shares.end(), 0.0), found.a - found.b,
              0.02 * std::abs(found.a - found.b));
}

TEST(FrechetPair, EqualSetsDifferInNoRow) {
  const auto a = repeatable_numbers(200 * 3, 1), r = repeatable_numbers(150 * 3, 2);
  const FrechetPair found = frechet_pair({a, 3}, {a, 3}, gaussian(r, 3), Divisor::n_minus_1, 20, 1);
  for (const double share : found.shares) EXPECT_EQ(share, 0.0);
  for (const double replicate : found.differences) EXPECT_EQ(replicate, 0.0);
}

TEST(FrechetPair, WideFeaturesHaveReplicatesOfFirstOrder) {
  const std::int64_t n = 400, width = 130;
  const auto a = repeatable_numbers(n * width, 1), b = repeatable_numbers(n * width, 2, 0.01);
  const auto r = repeatable_numbers(n * width, 3);
  const FrechetPair found = frechet_pair({a, width}, {b, width}, gaussian(r, width), Divisor::n_minus_1, 50, 1);
  EXPECT_TRUE(found.replicates.a.empty());
  ASSERT_EQ(found.differences.size(), 50u);
  const double mean = std::accumulate(found.differences.begin(), found.differences.end(), 0.0) / 50.0;
  double squares = 0.0;
  for (const double value : found.differences) squares += (value - mean) * (value - mean);
  EXPECT_NEAR(mean, found.a - found.b, std::sqrt(squares / 49.0));
}

TEST(FrechetPair, UnequalNumbersAreRefused) {
  const auto a = repeatable_numbers(20 * 3, 1), b = repeatable_numbers(21 * 3, 2);
  EXPECT_THROW(frechet_pair({a, 3}, {b, 3}, gaussian(b, 3), Divisor::n, 0, 0), InputError);
}

}  // namespace
}  // namespace assay
