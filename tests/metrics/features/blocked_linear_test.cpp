#include "metrics/features/blocked_linear.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/matmul.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kernels/thread_count.h"
#include "tests/support/tensors.h"

namespace assay {
namespace {

using test::max_abs_difference;
using test::normal;
using test::same_bits;

TEST(BlockedLinear, IsTheProductInDoubleToWithinRounding) {
  for (const std::int64_t rows : {1, 5, 16, 33}) {
    const at::Tensor x = normal({rows, 70}, 1), weight = normal({1008, 70}, 2), bias = normal({1008}, 3);
    const at::Tensor exact = at::matmul(x.to(at::kDouble), weight.to(at::kDouble).t());
    EXPECT_LT(max_abs_difference(blocked_linear(x, weight), exact), 1e-4) << rows;
    EXPECT_LT(max_abs_difference(blocked_linear(x, weight, bias), exact + bias.to(at::kDouble)), 1e-4) << rows;
  }
}

TEST(BlockedLinear, ARowsBitsDependNeitherOnTheOtherRowsNorOnTheThreads) {
  // The size of the last layer of the FID Inception.
  const at::Tensor x = normal({40, 2048}, 1), weight = normal({1008, 2048}, 2);
  const auto product = [&](std::int64_t first, std::int64_t rows, int threads) {
    const ThreadCount set(threads);
    return blocked_linear(x.narrow(0, first, rows), weight);
  };
  const at::Tensor whole = product(0, 40, 1);
  for (const int threads : {1, 2, 3})
    for (const std::int64_t rows : {1, 2, 3, 7, 15, 16, 17, 40})
      EXPECT_TRUE(same_bits(product(0, rows, threads), whole.narrow(0, 0, rows))) << rows << " rows, " << threads;
}

TEST(BlockedLinear, ARowsBitsDoNotDependOnItsPlace) {
  const at::Tensor x = normal({1, 2048}, 1).expand({35, 2048}), weight = normal({1008, 2048}, 2);
  const at::Tensor product = blocked_linear(x, weight);
  for (std::int64_t i = 1; i < 35; ++i) EXPECT_TRUE(same_bits(product[i], product[0])) << i;
}

TEST(BlockedLinear, TakesRowsThatLieApart) {
  const at::Tensor x = normal({64, 16}, 1).t(), weight = normal({5, 64}, 2);  // [16, 64]
  EXPECT_TRUE(same_bits(blocked_linear(x, weight), blocked_linear(x.contiguous(), weight)));
}

}  // namespace
}  // namespace assay
