#include "diffusion/sampling/vp_sde.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "core/error.h"
#include "diffusion/guidance/classifier_free.h"
#include "tests/support/tensors.h"

namespace assay {
namespace {

using test::normal;
using ::testing::ElementsAre;
using ::testing::FloatEq;

TEST(VpSde, HasTheSignalThatFollowsFromItsRate) {
  // d log(alpha_bar) = -beta dt: midpoint sums of the rate.
  const VpSde sde;
  double integral = 0;
  for (int i = 0; i < 1000; ++i) {
    integral += sde.beta((i + 0.5) / 1000) / 1000;
    EXPECT_NEAR(sde.alpha_bar((i + 1) / 1000.0), std::exp(-integral), 1e-12);
  }
  EXPECT_NEAR(integral, 10.05, 1e-12);  // (0.1 + 20) / 2
}

TEST(VpSde, StepsThroughThePublishedTimes) {
  // numpy.append(0., numpy.linspace(1e-3, 1, S)).astype(numpy.float32)
  EXPECT_THAT(euler_maruyama_times(5), ElementsAre(0.0F, 0.00100000005F, 0.250750005F, 0.500500023F, 0.750249982F, 1));
  const auto times = euler_maruyama_times(1000);
  ASSERT_EQ(times.size(), 1001U);
  EXPECT_THAT(std::vector<float>(times.begin(), times.begin() + 4),
              ElementsAre(0.0F, 0.00100000005F, 0.00200000009F, 0.00300000003F));
  EXPECT_EQ(times[500], 0.5F);
  EXPECT_EQ(times[999], 0.999000013F);
  EXPECT_EQ(times.back(), 1.0F);
  EXPECT_THROW(euler_maruyama_times(1), InputError);
  EXPECT_THROW(euler_maruyama_times(10, 0.0), InputError);
}

/// Data N(mean, deviation^2) and its exact eps, E[eps | x_t].
struct Gaussian {
  VpSde sde;
  double mean = 0.7, deviation = 0.4;

  double variance(double t) const {
    const double a = sde.alpha_bar(t);
    return a * deviation * deviation + 1 - a;
  }
  at::Tensor eps(const at::Tensor& x, const at::Tensor& time) const {
    const double t = time[0].item<double>(), a = sde.alpha_bar(t);
    return std::sqrt(1 - a) / variance(t) * (x - std::sqrt(a) * mean);
  }
};

TEST(VpSde, SamplesAGaussianWithTheMomentsOfItsRecursion) {
  // With the exact score every step is affine, x <- gain x + shift + sqrt(change) z, so mean and variance of the result
  // follow by recursion, discretisation and all.
  const Gaussian data;
  for (const std::int64_t steps : {20, 200}) {
    const auto times = euler_maruyama_times(steps);
    double mean = 0, variance = 1;
    for (std::size_t i = times.size() - 1; i > 0; --i) {
      const double t = times[i], h = t - static_cast<double>(times[i - 1]);
      const double beta = 0.1 + 19.9 * t, a = std::exp(-0.1 * t - 9.95 * t * t);
      // Drift of the reverse diffusion: beta / 2 x + beta score, score = -(x - sqrt(a) mean) / variance(t).
      const double pull = beta / (a * 0.16 + 1 - a);
      mean += h * (beta / 2 * mean - pull * (mean - std::sqrt(a) * 0.7));
      const double gain = 1 + h * (beta / 2 - pull);
      variance = gain * gain * variance + (i > 1 ? h * beta : 0);
    }
    const std::int64_t n = 1 << 16;
    const at::Tensor found = euler_maruyama(
        data.sde, [&](const at::Tensor& x, const at::Tensor& t) { return data.eps(x, t); }, normal({n, 1, 1, 1}, 1),
        times,
        [&](std::int64_t i) {
          return normal({n, 1, 1, 1}, 100 + static_cast<std::uint64_t>(i));
        });
    const at::Tensor samples = found.to(at::kDouble);
    const double got = samples.mean().item<double>(), spread = samples.var().item<double>();
    // Five standard errors of n normal samples.
    EXPECT_NEAR(got, mean, 5 * std::sqrt(variance / static_cast<double>(n))) << steps;
    EXPECT_NEAR(spread, variance, 5 * variance * std::sqrt(2.0 / static_cast<double>(n))) << steps;
    if (steps == 200) {  // and near the data
      EXPECT_NEAR(mean, 0.7, 0.02);
      EXPECT_NEAR(std::sqrt(variance), 0.4, 0.02);
    }
  }
}

TEST(VpSde, TakesTheStepsOfTheFormula) {
  const Gaussian data;
  const auto times = euler_maruyama_times(7);
  const at::Tensor start = normal({3, 1, 1, 1}, 1);
  const auto noise = [](std::int64_t i) { return normal({3, 1, 1, 1}, 10 + static_cast<std::uint64_t>(i)); };
  const at::Tensor found = euler_maruyama(
      data.sde, [&](const at::Tensor& x, const at::Tensor& t) { return data.eps(x, t); }, start, times, noise);
  for (std::int64_t row = 0; row < 3; ++row) {
    double x = start[row].item<double>();
    for (int i = 0; i < 7; ++i) {
      const double t = times[static_cast<std::size_t>(7 - i)], s = times[static_cast<std::size_t>(6 - i)];
      const double beta = 0.1 + 19.9 * t, a = std::exp(-0.1 * t - 9.95 * t * t);
      const double score = -(x - std::sqrt(a) * 0.7) / (a * 0.16 + 1 - a);
      // dx = (drift - beta score) dt with dt = s - t < 0.
      x += (-0.5 * beta * x - beta * score) * (s - t);
      if (i < 6) x += std::sqrt(beta * (t - s)) * noise(i)[row].item<double>();
    }
    EXPECT_NEAR(found[row].item<double>(), x, 1e-5);
  }
}

/// A network that tells the times it was given.
class Recording : public Denoiser {
 public:
  at::Tensor predict(const at::Tensor& x, const at::Tensor& timesteps, const Condition& /*condition*/) const override {
    EXPECT_EQ(timesteps.sizes(), at::IntArrayRef({x.size(0)}));
    times.push_back(timesteps[0].item<float>());
    return 0 * x;
  }
  std::int64_t condition_size() const override { return 0; }
  mutable std::vector<float> times;
};

TEST(VpSde, TellsUVitNineHundredNinetyNineTimesTheTime) {
  const Recording network;
  std::int64_t drawn = 0;
  ClassifierFreeGuidance unguided;
  EulerMaruyamaSampler().sample(network, unguided, normal({2, 1, 2, 2}, 1), [&](std::int64_t i) {
    EXPECT_EQ(i, drawn++);
    return normal({2, 1, 2, 2}, 2);
  });
  ASSERT_EQ(network.times.size(), 1000U);
  EXPECT_EQ(drawn, 999);  // none in the last step
  EXPECT_EQ(network.times.front(), 999.0F);
  EXPECT_THAT(network.times[1], FloatEq(998.001F));
  EXPECT_THAT(network.times.back(), FloatEq(0.999F));
}

}  // namespace
}  // namespace assay
