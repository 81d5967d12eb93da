#include "kernels/training/gated_gelu.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/gelu.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/kernels/training/gradients.h"
#include "tests/support/tensors.h"

namespace assay {
namespace {

using test::max_abs_difference;
using test::normal;
using test::Tensors;
using test::value_and_gradients;

at::Tensor ours(const Tensors& a) { return gated_gelu_with_gradient(a[0]); }

at::Tensor composed(const Tensors& a) {
  const Tensors halves = a[0].chunk(2, -1);
  return halves[0] * at::gelu(halves[1]);
}

TEST(GatedGeluWithGradient, HasTheValuesAndGradientsOfTheFormulaInDouble) {
  const Tensors found = value_and_gradients({2 * normal({3, 70, 48}, 1)}, at::kFloat, ours),
                exact = value_and_gradients({2 * normal({3, 70, 48}, 1)}, at::kDouble, composed);
  EXPECT_LT(test::largest_distance(found, exact), 2e-7);
}

// All that a gate can be: where the bell is nothing, where it is all, and between them.
TEST(GatedGeluWithGradient, IsWithinATenMillionthOfTheGate) {
  const at::Tensor gates = at::arange(-20.0, 20.0, 1.0 / 64, at::kFloat).view({-1, 8});
  const Tensors rows = {at::cat({gates * 0 + 1, gates}, 1)};
  const Tensors found = value_and_gradients(rows, at::kFloat, ours),
                exact = value_and_gradients(rows, at::kDouble, composed);
  EXPECT_LT(((found[0] - exact[0]).abs() / (1 + gates.abs())).max().item<double>(), 1.2e-7);
  EXPECT_LT(max_abs_difference(found[1].narrow(1, 8, 8), exact[1].narrow(1, 8, 8)), 5e-7);
}

TEST(GatedGeluWithGradient, TakesWholeVectors) {
  EXPECT_FALSE(gated_gelu_takes(24));
  EXPECT_THROW(gated_gelu_with_gradient(normal({2, 24}, 1)), Error);
}

}  // namespace
}  // namespace assay
