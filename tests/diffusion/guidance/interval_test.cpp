#include "diffusion/guidance/interval.h"

#include <ATen/TensorOperators.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/config.h"
#include "core/error.h"
#include "diffusion/guidance/make_guidance.h"
#include "diffusion/process/noise_schedule.h"
#include "diffusion/sampling/ddim.h"
#include "tests/support/tensors.h"
#include "tests/support/throws.h"

namespace assay {
namespace {

using test::indices;
using test::message_of;
using test::normal;
using test::same_bits;
using test::values;
using ::testing::AllOf;
using ::testing::HasSubstr;

/// eps depends on the condition.
class Toy : public Denoiser {
 public:
  at::Tensor predict(const at::Tensor& x, const at::Tensor& /*timesteps*/, const Condition& condition) const override {
    return condition.defined() ? 0.3 * x + condition.vector.view({-1, 1, 1, 1}) : 0.3 * x;
  }
  std::int64_t condition_size() const override { return 1; }
};

const Condition told = values({1}, {1, 1});

bool guides_at(const NoiseInterval& interval, double alpha_bar) {
  const SamplingPoint point{normal({1, 1, 2, 2}, 1), indices({0}), alpha_bar};
  const Branches branches = IntervalGuidance(told, 2, interval).predict(Toy(), point);
  EXPECT_TRUE(branches.with.defined());
  EXPECT_TRUE(same_bits((branches.both() ? ClassifierFreeGuidance(told, 2) : ClassifierFreeGuidance(told, 1))
                            .predict(Toy(), point)
                            .mixed(),
                        branches.mixed()));
  return branches.both();
}

TEST(IntervalGuidance, IsClassifierFreeInsideAndConditionalOutside) {
  // sigma is 1 at alpha_bar 1/2, 2 at 1/5 and 3 at 1/10; the upper bound belongs to the interval, the lower does not.
  EXPECT_FALSE(guides_at({1, 2}, 0.1));
  EXPECT_TRUE(guides_at({1, 2}, 0.2));
  EXPECT_TRUE(guides_at({1, 2}, 0.4));
  EXPECT_FALSE(guides_at({1, 2}, 0.5));
  EXPECT_FALSE(guides_at({1, 2}, 0.9));
  EXPECT_TRUE(guides_at({0, 2}, 0.999));
  EXPECT_TRUE(guides_at({}, 0.0));
}

TEST(IntervalGuidance, HasOneBranchWithoutACondition) {
  const IntervalGuidance guidance({}, 2, {1, 2});
  for (const double alpha_bar : {0.1, 0.3, 0.9}) {
    const Branches branches = guidance.predict(Toy(), {normal({1, 1, 2, 2}, 1), indices({0}), alpha_bar});
    EXPECT_FALSE(branches.with.defined());
    EXPECT_TRUE(branches.without.defined());
  }
  EXPECT_EQ(guidance.evaluations(), (Evaluations{1, 1}));
}

TEST(IntervalGuidance, EvaluatesOnceOrTwice) {
  EXPECT_EQ(IntervalGuidance(told, 2, {1, 2}).evaluations(), (Evaluations{1, 2}));
  EXPECT_EQ(IntervalGuidance(told, 1, {1, 2}).evaluations(), (Evaluations{1, 1}));
}

TEST(IntervalGuidance, GuidesAChainInTheStepsOfItsInterval) {
  const NoiseSchedule schedule = make_noise_schedule("linear", 1000);
  DdimOptions options;
  options.steps = 10;
  const DdimSampler sampler(schedule, options);
  const at::Tensor x = normal({1, 1, 2, 2}, 3);
  const auto drawn = [&](Guidance& guidance) { return sampler.sample(Toy(), guidance, x); };
  ClassifierFreeGuidance strong(told, 2), conditional(told, 1);
  IntervalGuidance everywhere(told, 2, {0, 1e9}), nowhere(told, 2, {1e6, 1e9});
  EXPECT_TRUE(same_bits(drawn(everywhere), drawn(strong)));
  EXPECT_TRUE(same_bits(drawn(nowhere), drawn(conditional)));

  // The chain by hand: each step by the one or by the other.
  const NoiseInterval interval{0.3, 5};
  IntervalGuidance limited(told, 2, interval);
  at::Tensor by_hand = x;
  int guided = 0;
  for (const DdimStep& step : ddim_steps(schedule, options.variant, options.steps, 0)) {
    const SamplingPoint point{by_hand, indices({step.timestep}), step.alpha_bar};
    const bool inside = point.sigma() > 0.3 && point.sigma() <= 5;
    guided += inside;
    by_hand = ddim_step(by_hand, (inside ? strong : conditional).predict(Toy(), point), step, options);
  }
  EXPECT_TRUE(same_bits(drawn(limited), by_hand));
  EXPECT_GT(guided, 2);
  EXPECT_LT(guided, 8);
}

GuidanceOptions read(const nlohmann::json& object) {
  ConfigReader reader(object, "sample");
  const GuidanceOptions options = read_guidance_options(reader, 2.0);
  reader.finish();
  return options;
}

TEST(GuidanceOptions, AreReadWithAndWithoutAnInterval) {
  const GuidanceOptions plain = read({{"weight", 3}}), limited = read({{"interval", {0.25, 5}}});
  EXPECT_EQ(plain.weight, 3);
  EXPECT_EQ(plain.interval, NoiseInterval{});
  EXPECT_EQ(limited.weight, 2);
  EXPECT_EQ(limited.interval, (NoiseInterval{0.25, 5}));
  EXPECT_EQ(make_guidance(plain, told)->evaluations(), (Evaluations{2, 2}));
  EXPECT_EQ(make_guidance(limited, told)->evaluations(), (Evaluations{1, 2}));
  EXPECT_EQ(make_guidance(limited, {})->evaluations(), (Evaluations{1, 1}));
}

TEST(GuidanceOptions, RefuseBoundsThatMakeNoInterval) {
  const auto refused = [](const nlohmann::json& interval) {
    return message_of<InputError>([&] { read({{"interval", interval}}); });
  };
  EXPECT_THAT(refused({5, 0.25}), AllOf(HasSubstr("guidance interval [5, 0.25]"), HasSubstr("low < high")));
  EXPECT_THAT(refused({1, 1}), HasSubstr("low < high"));
  EXPECT_THAT(refused({1}), HasSubstr("two noise levels"));
  EXPECT_THAT(refused({1, 2, 3}), HasSubstr("two noise levels"));
  EXPECT_THAT(refused({-1, 2}), HasSubstr("sample.interval: -1 is out of range"));
  EXPECT_THAT(refused({"a", 2}), HasSubstr("sample.interval: expected a number"));
  EXPECT_THAT(refused(3), HasSubstr("sample.interval: expected a list"));
  EXPECT_THAT(message_of<InputError>([] { read({{"intervall", {1, 2}}}); }), HasSubstr("did you mean 'interval'"));
}

}  // namespace
}  // namespace assay
