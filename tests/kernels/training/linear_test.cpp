#include "kernels/training/linear.h"

#include <ATen/ops/linear.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "kernels/thread_count.h"
#include "tests/kernels/training/gradients.h"
#include "tests/support/tensors.h"

namespace assay {
namespace {

using test::largest_distance;
using test::normal;
using test::same_bits;
using test::Tensors;
using test::value_and_gradients;

struct Case {
  std::vector<std::int64_t> rows;
  std::int64_t out;
  bool bias, other;
};

/// x, weight, bias, what is added.
Tensors arguments(const Case& c) {
  std::vector<std::int64_t> result = c.rows;
  result.back() = c.out;
  return {normal(c.rows, 1), normal({c.out, c.rows.back()}, 2), c.bias ? normal({c.out}, 3) : at::Tensor(),
          c.other ? normal(result, 4) : at::Tensor()};
}

at::Tensor ours(const Tensors& a) { return row_product(a[0], a[1], a[2], a[3]); }

at::Tensor composed(const Tensors& a) {
  const at::Tensor product = a[2].defined() ? at::linear(a[0], a[1], a[2]) : at::linear(a[0], a[1]);
  return a[3].defined() ? product + a[3] : product;
}

// One row, several blocks of rows, of inputs and of outputs, and parts of the batch that are not full.
const std::vector<Case> cases = {{{1, 16}, 16, true, false},
                                 {{3, 7, 48}, 80, true, true},
                                 {{2, 600, 144}, 32, false, true},
                                 {{5, 32}, 256, false, false},
                                 {{2500, 16}, 96, true, false}};

TEST(RowProduct, HasTheValuesAndGradientsOfTheFormulaInDouble) {
  for (const Case& c : cases)
    EXPECT_LT(largest_distance(value_and_gradients(arguments(c), at::kFloat, ours),
                               value_and_gradients(arguments(c), at::kDouble, composed)),
              2e-6)
        << c.rows.back() << ", " << c.out;
}

TEST(RowProduct, GivesTheSameBitsForEveryNumberOfThreads) {
  for (const Case& c : cases) {
    const ThreadCount one(1);
    const Tensors wanted = value_and_gradients(arguments(c), at::kFloat, ours);
    for (const int threads : {2, 3, 5}) {
      const ThreadCount many(threads);
      const Tensors found = value_and_gradients(arguments(c), at::kFloat, ours);
      for (std::size_t i = 0; i < wanted.size(); ++i) EXPECT_TRUE(same_bits(found[i], wanted[i])) << i;
    }
  }
}

TEST(RowProduct, TakesWholePanelsBothWays) {
  EXPECT_TRUE(row_product_takes(normal({16, 32}, 1)));
  EXPECT_FALSE(row_product_takes(normal({16, 24}, 1)));
  EXPECT_FALSE(row_product_takes(normal({24, 16}, 1)));
  EXPECT_THROW(row_product(normal({2, 16}, 1), normal({16, 32}, 1), {}), Error);
}

}  // namespace
}  // namespace assay
