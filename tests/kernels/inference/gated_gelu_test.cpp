#include "kernels/inference/gated_gelu.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/linspace.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/special_erfc.h>
#include <gtest/gtest.h>

#include <cmath>

#include "core/error.h"
#include "kernels/thread_count.h"
#include "tests/support/tensors.h"

namespace assay {
namespace {

using test::max_abs_difference;
using test::normal;
using test::same_bits;

double exact_gelu(double x) { return x * 0.5 * std::erfc(-x / std::sqrt(2.0)); }

TEST(GatedGelu, IsGeluToSevenDigitsAndFarFromZeroToFive) {
  const at::Tensor gates = at::linspace(-13, 13, 260'001, at::kFloat);
  const at::Tensor got = gated_gelu(at::cat({at::ones_like(gates), gates}));
  const float *x = gates.const_data_ptr<float>(), *values = got.const_data_ptr<float>();
  for (std::int64_t i = 0; i < gates.numel(); ++i) {
    const double exact = exact_gelu(x[i]);
    ASSERT_LE(std::abs(values[i] - exact), (x[i] < -5 ? 1e-5 : 1e-6) * std::abs(exact)) << x[i];
  }
}

TEST(GatedGelu, IsNothingOrTheGateBeyondTheNormalDistribution) {
  const at::Tensor got = gated_gelu(test::values({1, 1, 1, 1, 1, 1, -14, -100, -1e30f, 14, 100, 1e30f}));
  const float* values = got.const_data_ptr<float>();
  for (int i = 0; i < 2; ++i) EXPECT_NEAR(values[i], 0, 1e-36);
  EXPECT_LE(std::abs(values[2]), 1e-7 * 1e30);
  EXPECT_EQ(values[3], 14.0f);
  EXPECT_EQ(values[4], 100.0f);
  EXPECT_EQ(values[5], 1e30f);
}

TEST(GatedGelu, MultipliesTheFirstHalfOfARowByTheGeluOfTheSecond) {
  for (const std::int64_t width : {1, 7, 8, 20, 33}) {
    const at::Tensor both = 2 * normal({3, 5, 2 * width}, 1), wide = both.to(at::kDouble);
    const at::Tensor a = wide.narrow(2, 0, width), g = wide.narrow(2, width, width);
    const at::Tensor exact = a * g * 0.5 * at::special_erfc(-g / std::sqrt(2.0));
    EXPECT_LT(max_abs_difference(gated_gelu(both), exact), 2e-5) << width;
  }
}

TEST(GatedGelu, GivesARowTheSameBitsAloneAndForEveryNumberOfThreads) {
  const at::Tensor both = normal({100, 40}, 1);
  const ThreadCount one(1);
  const at::Tensor all = gated_gelu(both);
  EXPECT_TRUE(same_bits(gated_gelu(both.narrow(0, 57, 1)), all.narrow(0, 57, 1)));
  for (const int threads : {2, 3}) {
    const ThreadCount many(threads);
    EXPECT_TRUE(same_bits(gated_gelu(both), all)) << threads;
  }
}

TEST(GatedGelu, RefusesRowsOfOddLength) { EXPECT_THROW(gated_gelu(normal({2, 3}, 1)), Error); }

}  // namespace
}  // namespace assay
