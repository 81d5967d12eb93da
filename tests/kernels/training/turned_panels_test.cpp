#include "kernels/training/turned_panels.h"

#include <ATen/TensorOperators.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "kernels/inference/panels.h"
#include "tests/support/tensors.h"

namespace assay {
namespace {

using test::normal;
using test::same_bits;

TEST(TurnedPanels, AreThoseOfTheTurnedWeight) {
  for (const std::int64_t inputs : {16, 40, 8}) {
    const at::Tensor matrix = normal({24, inputs}, 1), points = normal({24, inputs, 1, 1}, 2),
                     filters = normal({24, inputs, 3, 3}, 3);
    EXPECT_TRUE(same_bits(turned_panels(matrix), matrix_panels(matrix.t())));
    EXPECT_TRUE(same_bits(turned_panels(points), window_panels(points.transpose(0, 1))));
    EXPECT_TRUE(same_bits(turned_panels(filters), filter_panels(filters.flip({2, 3}).transpose(0, 1))));
  }
}

TEST(TurnedPanels, AreOfContiguousFloats) {
  EXPECT_THROW(turned_panels(normal({16, 8}, 1).t()), Error);
  EXPECT_THROW(turned_panels(normal({16, 8}, 1).to(at::kDouble)), Error);
}

}  // namespace
}  // namespace assay
