#include "diffusion/process/gaussian_process.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros_like.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "core/error.h"
#include "diffusion/process/respacing.h"
#include "diffusion/process/variational_bound.h"
#include "tests/support/tensors.h"
#include "tests/support/throws.h"

namespace assay {
namespace {

using test::indices;
using test::max_abs_difference;
using test::message_of;
using test::normal;
using test::values;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

TEST(Respacing, KeepsTheOfficialSteps) {
  const auto all = space_timesteps(1000, "");
  ASSERT_THAT(all, SizeIs(1000));
  EXPECT_EQ(all.back(), 999);

  const auto ddim = space_timesteps(1000, "ddim25");
  ASSERT_THAT(ddim, SizeIs(25));
  for (std::size_t i = 0; i < 25; ++i) EXPECT_EQ(ddim[i], 40 * static_cast<std::int64_t>(i));

  // round(i 999 / 249) added up, as printed by Python.
  const auto even = space_timesteps(1000, "250");
  ASSERT_THAT(even, SizeIs(250));
  EXPECT_THAT(std::vector<std::int64_t>(even.begin(), even.begin() + 3), ElementsAre(0, 4, 8));
  EXPECT_THAT(std::vector<std::int64_t>(even.end() - 6, even.end()), ElementsAre(979, 983, 987, 991, 995, 999));
}

TEST(Respacing, RoundsHalfWayPositionsToEven) {
  // Stride 1.5: 0, 1.5, 3, 4.5, 6, 7.5, 9.
  EXPECT_THAT(space_timesteps(10, "7"), ElementsAre(0, 2, 3, 4, 6, 8, 9));
}

TEST(Respacing, CutsEqualSectionsTheEarlierOnesLonger) {
  // 10 steps in three sections: 0-3, 4-6, 7-9.
  EXPECT_THAT(space_timesteps(10, "2,1,3"), ElementsAre(0, 3, 4, 7, 8, 9));
  EXPECT_THAT(space_timesteps(10, "2, 1, 3"), ElementsAre(0, 3, 4, 7, 8, 9));
  EXPECT_THAT(space_timesteps(10, "0,1,0"), ElementsAre(4));
}

TEST(Respacing, RefusesWhatTheProcessCannotGive) {
  const auto refused = [](const char* respacing) {
    return message_of<InputError>([&] { space_timesteps(1000, respacing); });
  };
  EXPECT_THAT(refused("1001"), HasSubstr("at most 1000"));
  EXPECT_THAT(refused("400,10,10"), HasSubstr("400 steps of a section of 334"));
  EXPECT_THAT(refused("ddim999"), HasSubstr("no integer stride"));
  EXPECT_THAT(refused("ddim1001"), HasSubstr("1 to 1000"));
  for (const char* text : {"ddim", "x", "10,,20", "-5", "10,", "2.5", "ddim25x"})
    EXPECT_THAT(refused(text), HasSubstr("accepted")) << text;
  EXPECT_THAT(refused("0"), HasSubstr("keeps no step"));
}

GaussianProcess process_of(MeanType mean, VarianceType variance, const std::string& respacing = "",
                           LossType loss = LossType::mse, bool rescale = false) {
  return {make_noise_schedule("linear", 1000), {mean, variance, loss, respacing, rescale}};
}

// Values computed apart from this code, nine digits (guidance.md 3.6).
TEST(GaussianProcess, HasTheRespacedConstants) {
  const GaussianProcess even = process_of(MeanType::epsilon, VarianceType::learned_range, "250");
  EXPECT_NEAR(even.tables().betas[1], .000599065564, 1e-12);
  EXPECT_NEAR(even.tables().betas[249], .077519345, 1e-9);
  EXPECT_NEAR(std::exp(even.tables().posterior_log_variance_clipped[0]), 8.57025344e-5, 1e-13);
  const GaussianProcess ddim = process_of(MeanType::epsilon, VarianceType::learned_range, "ddim25");
  EXPECT_NEAR(ddim.tables().betas[1], .0201350895, 1e-10);
  EXPECT_NEAR(ddim.tables().betas[24], .532601823, 1e-9);
  EXPECT_NEAR(std::exp(ddim.tables().posterior_log_variance_clipped[0]), 9.95157113e-5, 1e-13);
}

struct Drawn {
  at::Tensor x_start = normal({3, 2, 2, 2}, 1).to(at::kDouble), noise = normal({3, 2, 2, 2}, 2).to(at::kDouble);
  at::Tensor t = indices({1, 7, 24});
};

TEST(GaussianProcess, PosteriorIsBayesRule) {
  const GaussianProcess process = process_of(MeanType::epsilon, VarianceType::fixed_small, "ddim25");
  const Drawn d;
  const at::Tensor x = process.q_sample(d.x_start, d.t, d.noise);
  const Moments q = process.q_posterior(d.x_start, x, d.t);
  EXPECT_EQ(q.mean.scalar_type(), at::kDouble);
  for (std::int64_t row = 0; row < 3; ++row) {
    const auto i = static_cast<std::size_t>(d.t.const_data_ptr<std::int64_t>()[row]);
    const double beta = process.tables().betas[i], previous = process.tables().alphas_cumprod_prev[i];
    // x_{t-1} has the prior N(sqrt(a') x_0, 1 - a') and is seen as x_t = sqrt(1 - beta) x_{t-1} + sqrt(beta) z.
    const double precision = (1 - beta) / beta + 1 / (1 - previous);
    const at::Tensor mean = (std::sqrt(1 - beta) / beta * x.select(0, row) +
                             std::sqrt(previous) / (1 - previous) * d.x_start.select(0, row)) /
                            precision;
    EXPECT_LT(max_abs_difference(q.mean.select(0, row), mean), 1e-12);
    EXPECT_LT(max_abs_difference(q.variance.select(0, row), at::full({2, 2, 2}, 1 / precision, at::kDouble)), 1e-12);
  }
}

TEST(GaussianProcess, AllMeanTypesSayTheSame) {
  const Drawn d;
  const GaussianProcess by_noise = process_of(MeanType::epsilon, VarianceType::fixed_small, "ddim25");
  const at::Tensor x = by_noise.q_sample(d.x_start, d.t, d.noise);
  const at::Tensor previous = by_noise.q_posterior(d.x_start, x, d.t).mean;
  for (const auto& [type, output] :
       {std::pair(MeanType::epsilon, d.noise), {MeanType::start_x, d.x_start}, {MeanType::previous_x, previous}}) {
    const GaussianProcess process = process_of(type, VarianceType::fixed_small, "ddim25");
    const PredictedStep p = process.p_mean_variance(output, x, d.t, false);
    EXPECT_LT(max_abs_difference(p.x_start, d.x_start), 1e-11);
    EXPECT_LT(max_abs_difference(p.mean, previous), 1e-11);
    EXPECT_LE(process.p_mean_variance(output, x, d.t, true).x_start.abs().max().item<double>(), 1.0);
  }
}

TEST(GaussianProcess, LearnedRangeRunsFromThePosteriorsVarianceToBeta) {
  const GaussianProcess process = process_of(MeanType::epsilon, VarianceType::learned_range, "250");
  const Drawn d;
  const auto variance = [&](double v) {
    const at::Tensor output = at::cat({d.noise, at::full(d.noise.sizes(), v, at::kDouble)}, 1);
    return process.p_mean_variance(output, d.x_start, d.t, true).variance.select(1, 0).select(1, 0).select(1, 0);
  };
  for (std::int64_t row = 0; row < 3; ++row) {
    const auto i = static_cast<std::size_t>(d.t.const_data_ptr<std::int64_t>()[row]);
    const double large = process.tables().betas[i], small = process.tables().posterior_variance[i];
    EXPECT_NEAR(variance(1)[row].item<double>(), large, 1e-14);
    EXPECT_NEAR(variance(-1)[row].item<double>(), small, 1e-14);
    EXPECT_NEAR(variance(0)[row].item<double>(), std::sqrt(large * small), 1e-14);
    EXPECT_NEAR(variance(3)[row].item<double>(), large * large / small, 1e-14);  // not clamped
  }
}

TEST(GaussianProcess, GuidanceMovesTheMeanByVarianceAndTheScoreByNoise) {
  const GaussianProcess process = process_of(MeanType::epsilon, VarianceType::fixed_large, "ddim25");
  const Drawn d;
  const at::Tensor x = process.q_sample(d.x_start, d.t, d.noise), g = normal({3, 2, 2, 2}, 3).to(at::kDouble);
  const PredictedStep p = process.p_mean_variance(d.noise, x, d.t, false);
  EXPECT_LT(max_abs_difference(process.condition_mean(p, g).mean - p.mean, p.variance * g), 1e-14);
  // eps - sqrt(1 - a) g means x_0 + (1 - a) / sqrt(a) g.
  const PredictedStep moved = process.condition_score(p, x, d.t, g);
  for (std::int64_t row = 0; row < 3; ++row) {
    const double a = process.tables().alphas_cumprod[static_cast<std::size_t>(d.t[row].item<std::int64_t>())];
    EXPECT_LT(max_abs_difference(moved.x_start[row], d.x_start[row] + (1 - a) / std::sqrt(a) * g[row]), 1e-10);
  }
}

TEST(GaussianProcess, DdimStepsBackAndForthAlongOneNoise) {
  const GaussianProcess process = process_of(MeanType::epsilon, VarianceType::fixed_small, "ddim25");
  const Drawn d;
  const at::Tensor t = indices({1, 7, 23}), next = indices({2, 8, 24});
  const at::Tensor at_t = process.q_sample(d.x_start, t, d.noise), at_next = process.q_sample(d.x_start, next, d.noise);
  const PredictedStep p = process.p_mean_variance(d.noise, at_t, t, false);
  EXPECT_LT(max_abs_difference(process.ddim_reverse_sample(p, at_t, t), at_next), 1e-11);
  const PredictedStep q = process.p_mean_variance(d.noise, at_next, next, false);
  EXPECT_LT(max_abs_difference(process.ddim_sample(q, at_next, next, 0.0, {}), at_t), 1e-11);
}

TEST(GaussianProcess, DdimOfEtaOneIsTheAncestralStep) {
  // With the posterior's variance: same mean, same deviation (Song et al., arXiv:2010.02502, eq. 16).
  const GaussianProcess process = process_of(MeanType::epsilon, VarianceType::fixed_small, "250");
  const Drawn d;
  const at::Tensor t = indices({1, 100, 249}), x = process.q_sample(d.x_start, t, d.noise);
  const at::Tensor z = normal({3, 2, 2, 2}, 9).to(at::kDouble);
  const PredictedStep p = process.p_mean_variance(0.3 * d.noise, x, t, true);
  EXPECT_LT(max_abs_difference(process.ddim_sample(p, x, t, 1.0, z), process.p_sample(p, t, z)), 1e-11);
  EXPECT_NEAR(process.ddim_sigma(100, 1.0), std::sqrt(process.tables().posterior_variance[100]), 1e-14);
}

TEST(GaussianProcess, AddsNoNoiseAtStepZero) {
  const GaussianProcess process = process_of(MeanType::epsilon, VarianceType::fixed_large, "250");
  const Drawn d;
  const at::Tensor t = indices({0, 0, 1});
  const PredictedStep p = process.p_mean_variance(d.noise, d.x_start, t, true);
  const at::Tensor x = process.p_sample(p, t, d.noise);
  EXPECT_EQ(max_abs_difference(x.narrow(0, 0, 2), p.mean.narrow(0, 0, 2)), 0.0);
  EXPECT_GT(max_abs_difference(x[2], p.mean[2]), 1e-3);
}

TEST(GaussianProcess, TellsNetworksTheOriginalStep) {
  const at::Tensor t = indices({0, 3, 24});
  const GaussianProcess plain = process_of(MeanType::epsilon, VarianceType::fixed_large, "ddim25");
  EXPECT_TRUE(test::same_bits(plain.model_timesteps(t), indices({0, 120, 960})));
  const GaussianProcess rescaled(make_noise_schedule("linear", 400),
                                 {MeanType::epsilon, VarianceType::fixed_large, LossType::mse, "ddim25", true});
  EXPECT_LT(max_abs_difference(rescaled.model_timesteps(t), values({0, 120, 960})), 1e-4);  // 16 j * 1000 / 400
}

TEST(GaussianProcess, RefusesNetworksAndChainsThatDoNotFit) {
  const GaussianProcess learned = process_of(MeanType::epsilon, VarianceType::learned_range, "250");
  const Drawn d;
  EXPECT_THAT(message_of<Error>([&] { learned.p_mean_variance(d.noise, d.x_start, d.t, true); }),
              HasSubstr("2 channels for 2 of x; 4 are needed, the second half for the learned variance"));
  EXPECT_THAT(message_of<InputError>([] { process_of(MeanType::epsilon, VarianceType::fixed_large, "1"); }),
              HasSubstr("at least 2"));
  EXPECT_THAT(message_of<InputError>([] { read_variance_type("LEARNED_RANG"); }), HasSubstr("learned_range"));
  EXPECT_EQ(read_mean_type("PREVIOUS_X"), MeanType::previous_x);
}

TEST(VariationalBound, TheBinsOfAllLevelsHoldTheWholeProbability) {
  const at::Tensor levels = at::arange(256, at::kDouble) / 127.5 - 1;
  for (const double mean : {-1.3, -0.5, 0.0, 0.99})
    for (const double scale : {0.02, 0.2, 2.0}) {
      const at::Tensor log_p = discretized_gaussian_log_likelihood(levels, at::full({256}, mean, at::kDouble),
                                                                   at::full({256}, std::log(scale), at::kDouble));
      EXPECT_NEAR(log_p.exp().sum().item<double>(), 1.0, 1e-9) << "mean " << mean << ", scale " << scale;
    }
}

TEST(VariationalBound, KlOfGaussiansAsWorkedByHand) {
  // ln(2) + (1 + 1) / 8 - 1/2 for N(0, 1) from N(1, 4).
  const auto one = [](double v) { return at::full({1}, v, at::kDouble); };
  EXPECT_NEAR(normal_kl(one(0), one(0), one(1), one(std::log(4))).item<double>(), std::log(2) + 0.25 - 0.5, 1e-14);
  EXPECT_EQ(normal_kl(one(3), one(2), one(3), one(2)).item<double>(), 0.0);
}

TEST(VariationalBound, IsNoughtForTheTruePosterior) {
  const GaussianProcess process = process_of(MeanType::epsilon, VarianceType::fixed_small, "ddim25");
  const Drawn d;
  const at::Tensor x = process.q_sample(d.x_start, d.t, d.noise);
  const BoundTerm term = bound_term(process, d.noise, d.x_start, x, d.t, false);
  EXPECT_LT(term.bits.abs().max().item<double>(), 1e-12);
  EXPECT_GT(bound_term(process, 0.9 * d.noise, d.x_start, x, d.t, false).bits.min().item<double>(), 1e-6);
}

TEST(VariationalBound, OfTheHybridLossTeachesTheVarianceAlone) {
  const Drawn d;
  const auto gradients = [&](LossType type) {
    const GaussianProcess process = process_of(MeanType::epsilon, VarianceType::learned_range, "", type);
    at::Tensor output = at::cat({d.noise + 0.1, at::zeros_like(d.noise)}, 1);
    output.set_requires_grad(true);
    const TrainingLosses losses = training_losses(
        process, [&](const at::Tensor&, const at::Tensor&) { return output; }, d.x_start, d.t, d.noise);
    (losses.vb.defined() ? losses.vb : losses.loss).sum().backward();
    return std::pair(output.grad().narrow(1, 0, 2).abs().max().item<double>(),
                     output.grad().narrow(1, 2, 2).abs().max().item<double>());
  };
  const auto hybrid = gradients(LossType::mse), bound = gradients(LossType::kl);
  EXPECT_EQ(hybrid.first, 0.0);
  EXPECT_GT(hybrid.second, 0.0);
  EXPECT_GT(bound.first, 0.0);
}

}  // namespace
}  // namespace assay
