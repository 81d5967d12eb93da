#include "diffusion/guidance/prompt_guidance.h"

#include <ATen/TensorOperators.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "core/error.h"
#include "tests/support/tensors.h"
#include "tests/support/throws.h"

namespace assay {
namespace {

using test::indices;
using test::message_of;
using test::same_bits;
using test::values;
using ::testing::AllOf;
using ::testing::HasSubstr;

/// x times the first number of the row's text; counts its calls and rows.
class Times : public Denoiser {
 public:
  at::Tensor predict(const at::Tensor& x, const at::Tensor& timesteps, const Condition& condition) const override {
    ++calls;
    rows = x.size(0);
    EXPECT_EQ(timesteps.size(0), rows);
    return condition.text.select(2, 0).select(1, 0).view({-1, 1, 1, 1}) * x;
  }
  std::int64_t condition_size() const override { return 0; }
  bool takes_text() const override { return true; }
  mutable int calls = 0;
  mutable std::int64_t rows = 0;
};

const SamplingPoint point{values({1, -2}, {2, 1, 1, 1}), indices({40, 40}), 0.36};
const Condition prompt = Condition::of_text(values({2, 3}, {2, 1, 1}));
const Condition negative = Condition::of_text(values({5, 7}, {2, 1, 1}));

TEST(PromptGuidance, LeadsAwayFromTheNegativePromptInOneBatch) {
  const Times denoiser;
  const PromptGuidance guidance(prompt, negative, 3);
  // 3 prompt - 2 negative: 3 * 2 - 2 * 5 = -4 and 3 * 3 - 2 * 7 = -5 times x.
  EXPECT_TRUE(same_bits(guidance.predict(denoiser, point).mixed(), values({-4, 10}, {2, 1, 1, 1})));
  EXPECT_EQ(denoiser.calls, 1);
  EXPECT_EQ(denoiser.rows, 4);
  EXPECT_EQ(guidance.evaluations(), (Evaluations{1, 1}));
}

TEST(PromptGuidance, EvaluatesOneBranchWhereTheWeightNeedsNoMore) {
  const Times denoiser;
  EXPECT_TRUE(
      same_bits(PromptGuidance(prompt, negative, 1).predict(denoiser, point).mixed(), values({2, -6}, {2, 1, 1, 1})));
  EXPECT_TRUE(
      same_bits(PromptGuidance(prompt, negative, 0).predict(denoiser, point).mixed(), values({5, -14}, {2, 1, 1, 1})));
  EXPECT_EQ(denoiser.rows, 2);
}

TEST(PromptGuidance, RefusesPromptsThatDoNotFitEachOther) {
  EXPECT_THAT(message_of<InputError>([] {
                PromptGuidance(prompt, Condition::of_text(values({5}, {1, 1, 1})), 2);
              }),
              AllOf(HasSubstr("text [2, 1, 1]"), HasSubstr("[1, 1, 1] of the negative")));
  EXPECT_THAT(message_of<InputError>([] { PromptGuidance(prompt, {}, 2); }), HasSubstr("nothing of the negative"));
  EXPECT_THAT(message_of<InputError>([] { PromptGuidance(prompt, negative, std::numeric_limits<double>::infinity()); }),
              HasSubstr("finite"));
}

}  // namespace
}  // namespace assay
