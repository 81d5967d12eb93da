#include "diffusion/sampling/last_steps.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/full.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/error.h"
#include "diffusion/sampling/diffusers/make_scheduler.h"
#include "tests/support/tensors.h"
#include "tests/support/throws.h"

namespace assay {
namespace {

using test::max_abs_difference;
using test::message_of;
using test::normal;
using test::same_bits;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// A prediction in double that is not linear in x, in the condition or in time.
at::Tensor toy(const SamplingPoint& point, const at::Tensor& condition) {
  const at::Tensor a = condition.select(1, 0).view({-1, 1, 1, 1}), b = condition.select(1, 1).view({-1, 1, 1, 1});
  const at::Tensor time = (point.timesteps.to(at::kDouble) / 1000).view({-1, 1, 1, 1});
  return (0.6 + 0.2 * time) * (point.x * (1 + 0.5 * a)).tanh() + (b * time).sin() * 0.3 + 0.1 * point.x * b;
}

std::function<std::unique_ptr<Scheduler>()> maker(const std::string& name) {
  nlohmann::json arguments = {{"beta_start", 0.00085}, {"beta_end", 0.012}, {"beta_schedule", "scaled_linear"}};
  if (name == "pndm") arguments.update({{"skip_prk_steps", true}, {"steps_offset", 1}});
  if (name == "ddim") arguments["clip_sample"] = false;
  return [=] { return make_scheduler(name, arguments, "test"); };
}

at::Tensor start() { return normal({2, 3, 4, 4}, 5).to(at::kDouble); }
at::Tensor condition() { return normal({2, 2}, 6).to(at::kDouble); }
at::Tensor loss_of(const at::Tensor& x) { return (x.sin() + 0.1 * x).sum(); }

at::Tensor gradient_of_last(const std::string& name, std::int64_t steps, std::int64_t differentiated) {
  at::Tensor c = condition();
  c.set_requires_grad(true);
  loss_of(LastStepsChain(maker(name), steps, differentiated).sample(toy, c, start())).backward();
  return c.grad();
}

class OfEveryScheduler : public ::testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(LastSteps, OfEveryScheduler, ::testing::Values("ddim", "pndm", "dpm", "euler"));

TEST_P(OfEveryScheduler, ThroughAllCallsIsFullBackPropagation) {
  const auto make = maker(GetParam());
  at::Tensor c = condition();
  c.set_requires_grad(true);
  const std::unique_ptr<Scheduler> scheduler = make();
  scheduler->set_timesteps(4);
  at::Tensor x = scheduler->init_noise_sigma() * start();
  for (const double t : scheduler->timesteps())
    x = scheduler->step(toy({scheduler->scale_model_input(x), at::full({2}, t, x.options()), 1.0}, c), x);
  loss_of(x).backward();

  const at::Tensor through_all = gradient_of_last(GetParam(), 4, 1000);
  EXPECT_LT(max_abs_difference(through_all, c.grad()), 1e-9 * c.grad().abs().max().item<double>());
  EXPECT_GT(max_abs_difference(gradient_of_last(GetParam(), 4, 1), c.grad()),
            1e-3 * c.grad().abs().max().item<double>());
}

/// The loss where the last calls of a chain are told `shifted`, all others condition().
double loss_with(const std::string& name, std::int64_t differentiated, const at::Tensor& shifted) {
  const at::NoGradGuard no_grad;
  const LastStepsChain chain(maker(name), 6, differentiated);
  std::int64_t call = 0;
  const auto predict = [&](const SamplingPoint& point, const at::Tensor& told) {
    return toy(point, call++ < chain.calls() - differentiated ? told : shifted);
  };
  return loss_of(chain.sample(predict, condition(), start())).item<double>();
}

TEST_P(OfEveryScheduler, ThroughOneAndTwoCallsEqualsFiniteDifferences) {
  for (const std::int64_t differentiated : {1, 2}) {
    const at::Tensor found = gradient_of_last(GetParam(), 6, differentiated);
    const double h = 1e-5;
    for (std::int64_t row = 0; row < 2; ++row)
      for (std::int64_t column = 0; column < 2; ++column) {
        at::Tensor up = condition(), down = condition();
        up[row][column] += h;
        down[row][column] -= h;
        const double expected =
            (loss_with(GetParam(), differentiated, up) - loss_with(GetParam(), differentiated, down)) / (2 * h);
        EXPECT_NEAR(found[row][column].item<double>(), expected, 1e-6 * std::max(1.0, std::abs(expected)))
            << "last " << differentiated << " calls, number " << row << ", " << column;
      }
  }
}

TEST_P(OfEveryScheduler, GivesTheSameBitsWithAndWithoutRecording) {
  const LastStepsChain chain(maker(GetParam()), 5, 2);
  at::Tensor plain;
  {
    const at::NoGradGuard no_grad;
    plain = chain.sample(toy, condition(), start());
  }
  at::Tensor c = condition();
  c.set_requires_grad(true);
  const at::Tensor recorded = chain.sample(toy, c, start());
  EXPECT_TRUE(recorded.requires_grad());
  EXPECT_TRUE(same_bits(recorded.detach(), plain));
}

TEST(LastSteps, TwoOf31CallsOfPndmAreRecomputedLatestFirst) {
  std::vector<std::int64_t> recorded;
  std::int64_t plain = 0;
  const auto predict = [&](const SamplingPoint& point, const at::Tensor& told) {
    if (at::GradMode::is_enabled())
      recorded.push_back(point.timesteps[0].item<std::int64_t>());
    else
      ++plain;
    return toy(point, told);
  };
  const LastStepsChain chain(maker("pndm"), 30, 2);
  EXPECT_EQ(chain.calls(), 31);
  at::Tensor c = condition();
  c.set_requires_grad(true);
  const at::Tensor x = chain.sample(predict, c, start());
  EXPECT_EQ(plain, 31);
  EXPECT_TRUE(recorded.empty());
  loss_of(x).backward();
  EXPECT_EQ(plain, 31);
  EXPECT_THAT(recorded, ElementsAre(1, 34));
}

TEST(LastSteps, WhatDoesNotDependOnTheConditionHasNoGradient) {
  at::Tensor c = condition();
  c.set_requires_grad(true);
  const auto untold = [](const SamplingPoint& point, const at::Tensor&) { return toy(point, condition()); };
  loss_of(LastStepsChain(maker("ddim"), 4, 2).sample(untold, c, start())).backward();
  EXPECT_FALSE(c.grad().defined());
}

TEST(LastSteps, RefusesNoCallsAtAll) {
  EXPECT_THAT(message_of<InputError>([] { LastStepsChain(maker("pndm"), 30, 0); }), HasSubstr("accepted: 1 to 31"));
}

}  // namespace
}  // namespace assay
