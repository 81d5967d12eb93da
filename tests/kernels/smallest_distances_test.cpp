#include "kernels/smallest_distances.h"

#include <ATen/ops/cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "kernels/thread_count.h"
#include "tests/support/tensors.h"

namespace assay {
namespace {

using test::indices;
using test::normal;
using test::same_bits;
using test::values;

class SmallestDistancesOp : public test::OnEachDevice {};
ASSAY_TEST_ON_EACH_DEVICE(SmallestDistancesOp);

/// All distances in long double, sorted by (distance, index).
void expect_brute_force(const at::Tensor& queries, const at::Tensor& references, int64_t k) {
  const auto found = smallest_distances(queries, references, k);
  const auto q = queries.cpu(), r = references.cpu(), d = found.distances.cpu(), at = found.indices.cpu();
  const int64_t width = q.size(1);
  for (int64_t i = 0; i < q.size(0); ++i) {
    std::vector<std::pair<long double, int64_t>> all;
    for (int64_t j = 0; j < r.size(0); ++j) {
      long double sum = 0;
      for (int64_t c = 0; c < width; ++c) {
        const long double difference = static_cast<long double>(q.const_data_ptr<float>()[i * width + c]) -
                                       r.const_data_ptr<float>()[j * width + c];
        sum += difference * difference;
      }
      all.emplace_back(sum, j);
    }
    std::sort(all.begin(), all.end());
    for (int64_t j = 0; j < k; ++j) {
      ASSERT_EQ(at.const_data_ptr<int64_t>()[i * k + j], all[j].second) << "query " << i << ", rank " << j;
      ASSERT_NEAR(d.const_data_ptr<double>()[i * k + j], static_cast<double>(all[j].first),
                  1e-13 * static_cast<double>(all[j].first));
    }
  }
}

TEST_P(SmallestDistancesOp, GivesTheValuesWorkedByHand) {
  const auto queries = values({0, 0, 3, 4}, {2, 2}, device), references = values({3, 4, 1, 0, 0, 0}, {3, 2}, device);
  const auto out = smallest_distances(queries, references, 2);
  EXPECT_TRUE(same_bits(out.distances.flatten(), values({0, 1, 0, 20}, device).to(at::kDouble)));
  EXPECT_TRUE(same_bits(out.indices.flatten(), indices({2, 1, 0, 1}, device)));
}

TEST_P(SmallestDistancesOp, AgreesWithBruteForceAroundTheBlocks) {
  expect_brute_force(normal({130, 33}, 1, device), normal({700, 33}, 2, device), 1);
  expect_brute_force(normal({130, 33}, 1, device), normal({513, 33}, 2, device), 5);
  expect_brute_force(normal({3, 1}, 1, device), normal({40, 1}, 2, device), 32);
  expect_brute_force(normal({1, 64}, 1, device), normal({1, 64}, 2, device), 1);
  expect_brute_force(normal({17, 7}, 1, device), normal({9, 7}, 2, device), 9);
}

// Distances of order 1 between points of norm 3e4: the float32 expansion |q|^2 + |r|^2 - 2 q.r has errors of order 100.
TEST_P(SmallestDistancesOp, IsRightWhereTheExpansionCancels) {
  expect_brute_force(normal({50, 16}, 1, device).add(7500.0), normal({300, 16}, 2, device).add(7500.0), 3);
}

TEST_P(SmallestDistancesOp, EqualDistancesGoToTheSmallerIndex) {
  const auto point = normal({1, 24}, 5, device);
  const auto references = at::cat({normal({100, 24}, 6, device), point.expand({900, 24}), point}).contiguous();
  const auto out = smallest_distances(point, references, 3);
  EXPECT_TRUE(same_bits(out.indices.flatten(), indices({100, 101, 102}, device)));
  EXPECT_EQ(out.distances.abs().sum().item<double>(), 0.0);
}

TEST_P(SmallestDistancesOp, TellsNeighboursApartThatFloatCannot) {
  // 1 + 2^-23 and 1 from 0: squares differ by 2^-22, next to 4095 equal coordinates.
  auto references = values(std::vector<float>(2 * 4096, 1.0f), {2, 4096}, device);
  references[0][4095] = 1.0f + 0x1.0p-23f;
  const auto out = smallest_distances(values(std::vector<float>(4096, 0.0f), {1, 4096}, device), references, 2);
  EXPECT_TRUE(same_bits(out.indices.flatten(), indices({1, 0}, device)));
}

TEST_P(SmallestDistancesOp, HasTheSameBitsForAnySplitThreadCountAndDevice) {
  const auto q = normal({300, 48}, 1, device), r = normal({600, 48}, 2, device);
  const auto whole = smallest_distances(q, r, 4);
  const ThreadCount one(1);
  const auto cpu = smallest_distances(q.cpu(), r.cpu(), 4);
  EXPECT_TRUE(same_bits(cpu.distances, whole.distances.cpu()));
  EXPECT_TRUE(same_bits(cpu.indices, whole.indices.cpu()));
  const auto part = smallest_distances(q.narrow(0, 77, 5), r, 4);
  EXPECT_TRUE(same_bits(part.distances, whole.distances.narrow(0, 77, 5)));
}

TEST_P(SmallestDistancesOp, NoQueriesGiveNoRows) {
  const auto out = smallest_distances(normal({0, 3}, 1, device), normal({5, 3}, 2, device), 2);
  EXPECT_EQ(out.indices.size(0), 0);
  EXPECT_EQ(out.indices.size(1), 2);
}

TEST_P(SmallestDistancesOp, SaysWhatIsWrong) {
  const auto message = [](const at::Tensor& q, const at::Tensor& r, int64_t k) -> std::string {
    try {
      smallest_distances(q, r, k);
    } catch (const c10::Error& error) {
      return error.what_without_backtrace();
    }
    return "no error";
  };
  using ::testing::HasSubstr;
  const auto q = normal({4, 3}, 1, device);
  EXPECT_THAT(message(q, normal({4, 2}, 1, device), 1), HasSubstr("got [4, 3] and [4, 2]"));
  EXPECT_THAT(message(q, q, 0), HasSubstr("k must lie in [1, 4]"));
  EXPECT_THAT(message(q, q, 5), HasSubstr("got 5"));
  EXPECT_THAT(message(q, normal({0, 3}, 1, device), 1), HasSubstr("k must lie in [1, 0]"));
  auto bad = q.clone();
  bad[2][1] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(message(bad, q, 1), HasSubstr("not finite"));
  EXPECT_THAT(message(q, bad, 1), HasSubstr("not finite"));
}

}  // namespace
}  // namespace assay
