#include "diffusion/guidance/classifier_free.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/error.h"
#include "diffusion/guidance/score_guidance.h"
#include "tests/support/tensors.h"
#include "tests/support/throws.h"

namespace assay {
namespace {

using test::indices;
using test::max_abs_difference;
using test::message_of;
using test::normal;
using test::same_bits;
using test::values;
using ::testing::HasSubstr;

TEST(GuidanceConventions, DifferByOne) {
  EXPECT_EQ(to_imagen(1.0, read_guidance_convention("cfg")), 2.0);
  EXPECT_EQ(to_imagen(2.0, read_guidance_convention("imagen")), 2.0);
  EXPECT_EQ(to_cfg(to_imagen(0.25, GuidanceConvention::cfg)), 0.25);
}

TEST(GuidanceConventions, RefuseUnknownNamesAndWeightsThatAreNoNumbers) {
  EXPECT_THAT(message_of<InputError>([] { read_guidance_convention("imagn"); }), HasSubstr("did you mean 'imagen'?"));
  for (const double w : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    EXPECT_THAT(message_of<InputError>([&] { to_imagen(w, GuidanceConvention::cfg); }), HasSubstr("finite"));
    EXPECT_THAT(message_of<InputError>([&] { ClassifierFreeGuidance({}, w); }), HasSubstr("finite"));
  }
}

/// eps 2 x with a condition and x without one, v = 3 and 4.
class TwoBranches : public Denoiser {
 public:
  at::Tensor predict(const at::Tensor& x, const at::Tensor& /*timesteps*/, const Condition& condition) const override {
    const double factor = condition.defined() ? 2 : 1;
    return at::cat({factor * x, 0 * x + (5 - factor)}, 1);
  }
  std::int64_t condition_size() const override { return 1; }
  bool learned_variance() const override { return true; }
  bool has_null_condition() const override { return null; }
  bool null = true;
};

const SamplingPoint point{values({1, -2}, {1, 1, 1, 2}), indices({40}), 0.36};
const Condition told = values({1}, {1, 1});

TEST(ClassifierFreeGuidance, EvaluatesTheBranchesThatItsWeightNeeds) {
  struct Row {
    Condition condition;
    double weight;
    bool with, without;
  };
  for (const Row& row :
       {Row{told, 0, false, true}, Row{told, 1, true, false}, Row{told, 2, true, true}, Row{told, -1, true, true},
        Row{{}, 0, false, true}, Row{{}, 1, false, true}, Row{{}, 2, false, true}}) {
    const ClassifierFreeGuidance guidance(row.condition, row.weight);
    const Branches branches = guidance.predict(TwoBranches(), point);
    EXPECT_EQ(branches.with.defined(), row.with) << row.weight;
    EXPECT_EQ(branches.without.defined(), row.without) << row.weight;
    const std::int64_t count = row.with && row.without ? 2 : 1;
    EXPECT_EQ(guidance.evaluations(), (Evaluations{count, count})) << row.weight;
  }
}

TEST(ClassifierFreeGuidance, MixesInTheImagenConvention) {
  const Branches branches = ClassifierFreeGuidance(told, 3).predict(TwoBranches(), point).eps(1);
  EXPECT_TRUE(same_bits(branches.mixed(), values({4, -8}, {1, 1, 1, 2})));  // -2 x + 3 * 2 x
}

TEST(ClassifierFreeGuidance, GivesTheOutputsWholeUntilEpsIsAskedFor) {
  const Branches branches = ClassifierFreeGuidance(told, 2).predict(TwoBranches(), point);
  EXPECT_TRUE(same_bits(branches.leading(), values({2, -4, 3, 3}, {1, 2, 1, 2})));
  EXPECT_TRUE(same_bits(branches.without, values({1, -2, 4, 4}, {1, 2, 1, 2})));
  EXPECT_EQ(branches.eps(1).without.sizes(), (std::vector<std::int64_t>{1, 1, 1, 2}));
}

TEST(ClassifierFreeGuidance, RefusesTheBranchThatTheDenoiserLacks) {
  TwoBranches denoiser;
  denoiser.null = false;
  for (const auto& guidance :
       {ClassifierFreeGuidance(told, 2), ClassifierFreeGuidance(told, 0), ClassifierFreeGuidance()})
    EXPECT_THAT(message_of<InputError>([&] { guidance.predict(denoiser, point); }), HasSubstr("no null condition"));
  EXPECT_NO_THROW(ClassifierFreeGuidance(told).predict(denoiser, point));
}

/// x times a factor.
class Term : public ScoreGuidance {
 public:
  explicit Term(double factor) : factor_(factor) {}
  using ScoreGuidance::gradient;
  at::Tensor gradient(const at::Tensor& x, const at::Tensor& /*timesteps*/) override { return factor_ * x; }

 private:
  double factor_;
};

TEST(ScoreGuidance, MovesEpsByTheTermAndPredictsWithoutACondition) {
  Term term(0.5);
  const Branches eps = guided_eps(term, TwoBranches(), point);
  EXPECT_FALSE(eps.both());
  EXPECT_LT(max_abs_difference(eps.mixed(), (1 - 0.8 * 0.5) * point.x), 1e-6);  // sqrt(1 - 0.36) = 0.8
}

TEST(GuidanceSum, AddsTermsToTheScoreOfAnyPrediction) {
  ClassifierFreeGuidance strong(told, 2);
  GuidanceSum sum(strong);
  EXPECT_FALSE(sum.gradient(point).defined());
  EXPECT_TRUE(guided_eps(sum, TwoBranches(), point).both());
  Term half(0.5), third(1.0 / 3);
  sum.add(half);
  sum.add(third);
  EXPECT_EQ(sum.evaluations(), (Evaluations{2, 2}));
  EXPECT_LT(max_abs_difference(sum.gradient(point), 5.0 / 6 * point.x), 1e-6);
  EXPECT_LT(max_abs_difference(guided_eps(sum, TwoBranches(), point).mixed(), (3 - 0.8 * 5 / 6) * point.x), 1e-6);
  GuidanceSum of_sum(sum);
  of_sum.add(half);
  EXPECT_LT(max_abs_difference(of_sum.gradient(point), 4.0 / 3 * point.x), 1e-6);
}

TEST(SamplingPoint, HasTheNoiseLevelOfItsAlphaBar) {
  EXPECT_DOUBLE_EQ((SamplingPoint{{}, {}, 0.5}.sigma()), 1);
  EXPECT_DOUBLE_EQ((SamplingPoint{{}, {}, 0.2}.sigma()), 2);
  EXPECT_EQ((SamplingPoint{{}, {}, 1.0}.sigma()), 0);
  EXPECT_TRUE(std::isinf(SamplingPoint{{}, {}, 0.0}.sigma()));
}

}  // namespace
}  // namespace assay
