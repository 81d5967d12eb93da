#include "kernels/inference/stored_weights.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <gtest/gtest.h>

#include "tests/support/tensors.h"

namespace assay {
namespace {

using test::same_bits;

// All numbers that 16 bits hold: normal, subnormal, infinite, and those that are none.
TEST(StoredWeights, AreWidenedToWhatTheyStandFor) {
  for (const at::ScalarType type : {at::kBFloat16, at::kHalf}) {
    const at::Tensor all = at::arange(-32768, 32768, at::kInt).to(at::kShort).view(type);
    at::Tensor widened = at::empty({all.numel()}, at::kFloat);
    with_stored(all, [&](const auto* from) { widen(from, all.numel(), widened.mutable_data_ptr<float>()); });
    const at::Tensor expected = all.to(at::kFloat), none = expected.isnan();
    EXPECT_TRUE(same_bits(widened.isnan(), none)) << type;
    EXPECT_TRUE(same_bits(widened.masked_fill(none, 0), expected.masked_fill(none, 0))) << type;
  }
}

TEST(StoredWeights, AreOfNoOtherType) {
  EXPECT_THROW(with_stored(test::normal({8}, 1).to(at::kDouble), [](const auto*) {}), Error);
}

}  // namespace
}  // namespace assay
