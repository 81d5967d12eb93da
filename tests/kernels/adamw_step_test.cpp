#include "kernels/adamw_step.h"

#include <ATen/ops/zeros_like.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "kernels/thread_count.h"
#include "tests/support/tensors.h"

namespace assay {
namespace {

using test::max_abs_difference;
using test::normal;
using test::same_bits;
using test::values;

class AdamwStep : public test::OnEachDevice {};
ASSAY_TEST_ON_EACH_DEVICE(AdamwStep);

TEST_P(AdamwStep, AgreesWithTorchOptimAdamW) {
  // import torch
  // p = torch.nn.Parameter(torch.tensor([1., -2., .5, 0.], dtype=torch.float64))
  // o = torch.optim.AdamW([p], lr=.1, betas=(.8, .95), eps=1e-3, weight_decay=.2)
  // for t in range(1, 4):
  //     p.grad = torch.tensor([.1, -1., 0., 3.], dtype=torch.float64) * t - .05; o.step()
  // print(p.tolist(), o.state[p]['exp_avg'].tolist(), o.state[p]['exp_avg_sq'].tolist())
  auto p = values({1.0f, -2.0f, 0.5f, 0.0f}, device);
  auto m = at::zeros_like(p), v = at::zeros_like(p);
  for (int t = 1; t <= 3; ++t) {
    const auto g = values({0.1f * t - 0.05f, -1.0f * t - 0.05f, -0.05f, 3.0f * t - 0.05f}, device);
    AdamWStep s{.learning_rate = 0.1, .beta1 = 0.8, .beta2 = 0.95, .epsilon = 1e-3, .weight_decay = 0.2, .step = t};
    adamw_step(p, g, m, v, std::nullopt, s);
  }
  EXPECT_LT(max_abs_difference(p, values({0.661979362f, -1.5924602f, 0.75887051f, -0.289491376f}, device)), 5e-7);
  EXPECT_LT(max_abs_difference(m, values({0.0804f, -1.0724f, -0.0244f, 3.1196f}, device)), 5e-7);
  EXPECT_LT(max_abs_difference(v, values({0.0043065625f, 0.714494063f, 0.0003565625f, 6.07944406f}, device)), 5e-7);
}

TEST_P(AdamwStep, FollowsTheFormulaInDoubleOverTenSteps) {
  constexpr int64_t n = 1000;
  auto p = normal({n}, 1, device), m = at::zeros_like(p), v = at::zeros_like(p), e = p.clone();
  std::vector<double> dp(n), dm(n, 0.0), dv(n, 0.0), de(n);
  const auto start = p.cpu();
  for (int64_t i = 0; i < n; ++i) dp[i] = de[i] = start.const_data_ptr<float>()[i];
  for (int t = 1; t <= 10; ++t) {
    const auto g = normal({n}, 10 + t, device), host = g.cpu();
    adamw_step(p, g, m, v, e, {1e-2, 0.9, 0.999, 1e-8, 0.05, t, 0.25, 0.9});
    for (int64_t i = 0; i < n; ++i) {
      const double gi = 0.25 * host.const_data_ptr<float>()[i];
      dp[i] -= 1e-2 * 0.05 * dp[i];
      dm[i] = 0.9 * dm[i] + 0.1 * gi;
      dv[i] = 0.999 * dv[i] + 0.001 * gi * gi;
      dp[i] -= 1e-2 * dm[i] / (1 - std::pow(0.9, t)) / (std::sqrt(dv[i] / (1 - std::pow(0.999, t))) + 1e-8);
      de[i] = 0.9 * de[i] + 0.1 * dp[i];
    }
  }
  const auto hp = p.cpu(), he = e.cpu();
  for (int64_t i = 0; i < n; ++i) {
    ASSERT_NEAR(hp.const_data_ptr<float>()[i], dp[i], 3e-6) << i;
    ASSERT_NEAR(he.const_data_ptr<float>()[i], de[i], 3e-6) << i;
  }
}

TEST_P(AdamwStep, HasTheSameBitsInPiecesOnOneThreadAndOnTheCpu) {
  constexpr int64_t n = 100003;
  const auto run = [&](at::Device where, int64_t pieces) {
    auto p = normal({n}, 1, where), m = normal({n}, 2, where), v = normal({n}, 3, where).abs(),
         e = normal({n}, 4, where);
    const auto g = normal({n}, 5, where);
    for (int64_t i = 0; i < pieces; ++i) {
      const int64_t from = n * i / pieces, count = n * (i + 1) / pieces - from;
      adamw_step(p.narrow(0, from, count), g.narrow(0, from, count), m.narrow(0, from, count), v.narrow(0, from, count),
                 e.narrow(0, from, count), {.step = 3, .ema_decay = 0.99});
    }
    return std::vector{p.cpu(), m.cpu(), v.cpu(), e.cpu()};
  };
  const auto whole = run(device, 1), pieces = run(device, 7);
  const ThreadCount one(1);
  const auto cpu = run(at::kCPU, 1);
  for (int i = 0; i < 4; ++i) {
    EXPECT_TRUE(same_bits(whole[i], pieces[i])) << i;
    EXPECT_TRUE(same_bits(whole[i], cpu[i])) << i;
  }
}

TEST_P(AdamwStep, TakesNoElements) {
  auto p = normal({0}, 1, device);
  adamw_step(p, p.clone(), p.clone(), p.clone(), std::nullopt, {});
  EXPECT_EQ(p.numel(), 0);
}

TEST_P(AdamwStep, SaysWhatIsWrong) {
  const auto p = normal({4}, 1, device), q = normal({5}, 1, device);
  const auto message = [&](const at::Tensor& gradients, AdamWStep s) -> std::string {
    try {
      adamw_step(p, gradients, p.clone(), p.clone(), std::nullopt, s);
    } catch (const c10::Error& error) {
      return error.what_without_backtrace();
    }
    return "no error";
  };
  using ::testing::HasSubstr;
  EXPECT_THAT(message(q, {}), HasSubstr("parameters is [4], gradients is [5]"));
  EXPECT_THAT(message(p.to(at::kDouble), {}), HasSubstr("gradients needs float32"));
  EXPECT_THAT(message(p, {.step = 0}), HasSubstr("step counts from 1, got 0"));
  EXPECT_THAT(message(p, {.beta1 = 1.0}), HasSubstr("beta1 must lie in [0, 1)"));
}

}  // namespace
}  // namespace assay
