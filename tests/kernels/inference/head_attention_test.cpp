#include "kernels/inference/head_attention.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/softmax.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "kernels/inference/lanes.h"
#include "kernels/thread_count.h"
#include "tests/support/tensors.h"

namespace assay {
namespace {

using test::max_abs_difference;
using test::normal;
using test::same_bits;

at::Tensor of_heads(const at::Tensor& tokens, std::int64_t heads) {
  return tokens.to(at::kDouble).view({tokens.size(0), tokens.size(1), heads, -1}).transpose(1, 2);
}

at::Tensor exact_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, std::int64_t heads) {
  const double scale = 1 / std::sqrt(static_cast<double>(q.size(2) / heads));
  const at::Tensor map = at::softmax(at::matmul(of_heads(q, heads) * scale, of_heads(k, heads).transpose(2, 3)), 3);
  return at::matmul(map, of_heads(v, heads)).transpose(1, 2).reshape(q.sizes());
}

TEST(Exponential, IsRightToTwoUnitsOfTheLastPlace) {
  for (float x = -87.0f; x < 88.0f; x += 0.0437f) {
    const double exact = std::exp(double{x}), unit = std::ldexp(1.0, std::ilogb(exact) - 23);
    EXPECT_NEAR(exponential(all_lanes(x))[3], exact, 2 * unit) << x;
  }
  EXPECT_EQ(exponential(all_lanes(0.0f))[0], 1.0f);
  EXPECT_LT(exponential(all_lanes(-std::numeric_limits<float>::infinity()))[0], 1e-37f);
}

TEST(HeadAttention, GivesWhatDoubleGives) {
  struct Case {
    std::int64_t batch, queries, keys, heads, width;
  };
  // One key, blocks of keys and queries that are not full, widths around a panel.
  for (const Case& c : {Case{1, 1, 1, 1, 1}, Case{2, 5, 3, 2, 4}, Case{1, 50, 77, 2, 40}, Case{2, 49, 600, 1, 16},
                        Case{1, 9, 1025, 3, 33}, Case{1, 1100, 20, 1, 8}}) {
    const at::Tensor q = normal({c.batch, c.queries, c.heads * c.width}, 1),
                     k = normal({c.batch, c.keys, c.heads * c.width}, 2),
                     v = normal({c.batch, c.keys, c.heads * c.width}, 3);
    EXPECT_LT(max_abs_difference(head_attention(q.clone(), k, v, c.heads), exact_attention(q, k, v, c.heads)), 3e-6)
        << c.keys << ", " << c.width;
  }
}

// Scores of hundreds, of which the largest comes in the last block.
TEST(HeadAttention, StandsLargeScores) {
  const at::Tensor q = normal({1, 20, 32}, 1) * 20, k = normal({1, 1300, 32}, 2) * 5, v = normal({1, 1300, 32}, 3);
  k.narrow(1, 1299, 1).mul_(4);
  EXPECT_LT(max_abs_difference(head_attention(q.clone(), k, v, 1), exact_attention(q, k, v, 1)), 1e-3);
}

TEST(HeadAttention, GivesAQueryTheSameBitsAloneAndForEveryNumberOfThreads) {
  const at::Tensor q = normal({2, 1100, 24}, 1), k = normal({2, 530, 24}, 2), v = normal({2, 530, 24}, 3);
  const ThreadCount one(1);
  const at::Tensor all = head_attention(q.clone(), k, v, 2);
  for (const std::int64_t row : {0, 47, 1050}) {
    const at::Tensor alone =
        head_attention(q.narrow(0, 1, 1).narrow(1, row, 1).clone(), k.narrow(0, 1, 1), v.narrow(0, 1, 1), 2);
    EXPECT_TRUE(same_bits(alone, all.narrow(0, 1, 1).narrow(1, row, 1))) << row;
  }
  for (const int threads : {2, 3, 5}) {
    const ThreadCount many(threads);
    EXPECT_TRUE(same_bits(head_attention(q.clone(), k, v, 2), all)) << threads;
  }
}

}  // namespace
}  // namespace assay
