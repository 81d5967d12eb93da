#include "kernels/guided_ddim_step.h"

#include <ATen/ops/cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "kernels/thread_count.h"
#include "tests/support/tensors.h"

namespace assay {
namespace {

using test::max_abs_difference;
using test::normal;
using test::same_bits;
using test::values;

class GuidedDdimStep : public test::OnEachDevice {};
ASSAY_TEST_ON_EACH_DEVICE(GuidedDdimStep);

// sqrt(a) = 0.8, sqrt(1 - a) = 0.6; sqrt(a_prev) = 0.96, sqrt(1 - a_prev) = 0.28.
constexpr DdimCoefficients plain{0.64, 0.9216, 0.0, false, false};

TEST_P(GuidedDdimStep, GivesTheValuesWorkedByHand) {
  const auto x = values({0.5f, -1.0f, 2.0f}, device), u = values({0.0f, 1.0f, 0.5f}, device);
  const auto c = values({1.0f, 2.0f, -0.5f}, device);

  // w = 2: eps = 2c - u = {2, 3, -1.5}; x0 = (x - 0.6 eps) / 0.8 = {-0.875, -3.5, 3.625}.
  const auto free = guided_ddim_step(x, u, c, 2.0, plain);
  EXPECT_LT(max_abs_difference(free, values({-0.28f, -2.52f, 3.06f}, device)), 1e-6);

  // Clipped, eps kept: 0.96 {-0.875, -1, 1} + 0.28 eps.
  DdimCoefficients clipped = plain;
  clipped.clip = true;
  EXPECT_LT(max_abs_difference(guided_ddim_step(x, u, c, 2.0, clipped), values({-0.28f, -0.12f, 0.54f}, device)), 1e-6);

  // Clipped, eps recomputed: eps = (x - 0.8 x0) / 0.6 = {2, -1/3, 2}.
  clipped.rederive_eps = true;
  const auto adm = guided_ddim_step(x, u, c, 2.0, clipped);
  EXPECT_LT(max_abs_difference(adm, values({-0.28f, -0.96f - 0.28f / 3.0f, 1.52f}, device)), 1e-6);
}

TEST_P(GuidedDdimStep, SigmaTakesFromTheDirectionAndAddsNoise) {
  // sqrt(1 - 0.9216 - 0.0784 * 0.36) = 0.28 * 0.8 = 0.224; x0 = (0.5 - 0.6) / 0.8 = -0.125.
  DdimCoefficients c = plain;
  c.sigma = 0.28 * 0.6;
  const auto out =
      guided_ddim_step(values({0.5f}, device), values({1.0f}, device), std::nullopt, 0.0, c, values({10.0f}, device));
  EXPECT_LT(max_abs_difference(out, values({0.96f * -0.125f + 0.224f + 1.68f}, device)), 1e-6);
}

TEST_P(GuidedDdimStep, WeightZeroIsUnconditionalAndWeightOneConditional) {
  for (const int64_t n : {0, 1, 255, 257, (1 << 20) + 1}) {  // around one block, and past one full grid
    const auto x = normal({n}, 1, device), u = normal({n}, 2, device), c = normal({n}, 3, device);
    EXPECT_TRUE(same_bits(guided_ddim_step(x, u, c, 0.0, plain), guided_ddim_step(x, u, std::nullopt, 7.0, plain)));
    EXPECT_TRUE(same_bits(guided_ddim_step(x, u, c, 1.0, plain), guided_ddim_step(x, c, std::nullopt, 7.0, plain)));
  }
}

TEST_P(GuidedDdimStep, AnInfiniteConditionDoesNotReachWeightZero) {
  const auto x = values({0.25f}, device), u = values({0.5f}, device);
  const auto c = values({std::numeric_limits<float>::infinity()}, device);
  EXPECT_TRUE(same_bits(guided_ddim_step(x, u, c, 0.0, plain), guided_ddim_step(x, u, std::nullopt, 0.0, plain)));
}

TEST_P(GuidedDdimStep, ClippingKeepsNaN) {
  DdimCoefficients c = plain;
  c.clip = true;
  const auto bad = values({std::numeric_limits<float>::quiet_NaN(), 0.5f}, device);
  const auto out = guided_ddim_step(bad, bad, std::nullopt, 0.0, c).cpu();
  EXPECT_TRUE(std::isnan(out[0].item<float>()));
  EXPECT_FALSE(std::isnan(out[1].item<float>()));
}

TEST_P(GuidedDdimStep, ASampleHasTheSameBitsInAnyBatchAndThreadCount) {
  const DdimCoefficients c{0.33, 0.41, 0.2, true, true};
  const auto x = normal({7, 3, 37, 41}, 1, device), u = normal({7, 3, 37, 41}, 2, device);
  const auto k = normal({7, 3, 37, 41}, 3, device), noise = normal({7, 3, 37, 41}, 4, device);
  const auto whole = guided_ddim_step(x, u, k, 1.7, c, noise);
  const ThreadCount one(1);
  std::vector<at::Tensor> parts;
  for (int64_t i = 0; i < 7; ++i) {
    parts.push_back(
        guided_ddim_step(x.narrow(0, i, 1), u.narrow(0, i, 1), k.narrow(0, i, 1), 1.7, c, noise.narrow(0, i, 1)));
  }
  EXPECT_TRUE(same_bits(at::cat(parts), whole));
}

TEST_P(GuidedDdimStep, GivesTheBitsOfTheCpu) {
  const DdimCoefficients c{0.33, 0.41, 0.2, true, true};
  const auto x = normal({100003}, 1), u = normal({100003}, 2), k = normal({100003}, 3), noise = normal({100003}, 4);
  const auto here = guided_ddim_step(x.to(device), u.to(device), k.to(device), 1.7, c, noise.to(device));
  EXPECT_TRUE(same_bits(here.cpu(), guided_ddim_step(x, u, k, 1.7, c, noise)));
}

TEST_P(GuidedDdimStep, ReadsTransposedInput) {
  const auto x = normal({5, 6}, 1, device), u = normal({6, 5}, 2, device);
  EXPECT_TRUE(same_bits(guided_ddim_step(x, u.t(), std::nullopt, 0.0, plain),
                        guided_ddim_step(x, u.t().contiguous(), std::nullopt, 0.0, plain)));
}

template <class Call>
std::string message_of(Call call) {
  try {
    call();
  } catch (const c10::Error& error) {
    return error.what_without_backtrace();
  }
  return "no error";
}

TEST_P(GuidedDdimStep, SaysWhatIsWrong) {
  using ::testing::HasSubstr;
  const auto x = normal({2, 3}, 1, device), other = normal({2, 4}, 2, device);
  EXPECT_THAT(message_of([&] { guided_ddim_step(x, other, std::nullopt, 0.0, plain); }),
              HasSubstr("x is [2, 3], eps_uncond is [2, 4]"));
  EXPECT_THAT(message_of([&] { guided_ddim_step(x, x, other, 2.0, plain); }), HasSubstr("eps_cond is [2, 4]"));
  EXPECT_THAT(message_of([&] { guided_ddim_step(x.to(at::kDouble), x, std::nullopt, 0.0, plain); }),
              HasSubstr("x needs float32"));
  EXPECT_THAT(message_of([&] {
                guided_ddim_step(x, x, std::nullopt, 0.0, {0.5, 0.6, 0.1});
              }),
              HasSubstr("there is no noise"));
  EXPECT_THAT(message_of([&] {
                guided_ddim_step(x, x, std::nullopt, 0.0, {0.5, 0.99, 0.2}, x);
              }),
              HasSubstr("sigma must lie in"));
  EXPECT_THAT(message_of([&] {
                guided_ddim_step(x, x, std::nullopt, 0.0, {0.0, 0.9, 0.0});
              }),
              HasSubstr("alpha_bar must lie in (0, 1]"));
  EXPECT_THAT(message_of([&] {
                guided_ddim_step(x, x, std::nullopt, 0.0, {1.0, 1.0, 0.0, true, true});
              }),
              HasSubstr("cannot be recomputed"));
}

TEST(GuidedDdimStepGradient, IsRefusedRatherThanSilentlyLost) {
  const auto x = normal({4}, 1).requires_grad_();
  const auto out = guided_ddim_step(x, normal({4}, 2), std::nullopt, 0.0, plain);
  EXPECT_THAT(message_of([&] { out.sum().backward(); }), ::testing::HasSubstr("not implemented"));
}

}  // namespace
}  // namespace assay
