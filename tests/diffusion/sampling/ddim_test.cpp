#include "diffusion/sampling/ddim.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numbers>

#include "core/error.h"
#include "core/safetensors.h"
#include "diffusion/guidance/classifier_free.h"
#include "diffusion/networks/gaussian_mixture.h"
#include "diffusion/process/noise_schedule.h"
#include "kernels/host_tensor.h"
#include "tests/diffusion/golden.h"
#include "tests/support/tensors.h"
#include "tests/support/throws.h"

namespace assay {
namespace {

using test::golden;
using test::max_abs_difference;
using test::message_of;
using test::normal;
using test::same_bits;
using test::shared_golden;
using test::values;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

// Nine digits, computed apart from this code from the formulas of the two papers.
TEST(NoiseSchedule, HasThePublishedTablesAlphaBar) {
  struct Row {
    const char* name;
    std::vector<std::pair<std::size_t, double>> alpha_bar;
  };
  for (const Row& row :
       {Row{"sqrt-linear",
            {{0, 0.9999},
             {1, 0.999797362},
             {250, 0.820010236},
             {500, 0.331274580},
             {750, 0.0381496574},
             {999, 0.00073341246}}},
        Row{"linear",
            {{0, 0.9999},
             {1, 0.999780092},
             {250, 0.521423031},
             {500, 0.0777966584},
             {750, 0.00330015836},
             {999, 4.03582977e-5}}},
        Row{"cosine",
            {{0, 0.999958716}, {250, 0.845887986}, {500, 0.492285172}, {750, 0.143178646}, {999, 2.42876691e-9}}}}) {
    const NoiseSchedule schedule = make_noise_schedule(row.name, 1000);
    ASSERT_EQ(schedule.steps(), 1000);
    for (const auto& [t, expected] : row.alpha_bar)
      EXPECT_NEAR(schedule.alpha_bar[t], expected, 5e-9 * expected) << row.name << " at " << t;
  }
}

TEST(NoiseSchedule, MatchesTheTablesOfSelfGuidedDiffusion) {
  const SafetensorsFile tables(golden("sgdm.sampler") / "cases.safetensors");
  const NoiseSchedule schedule = make_noise_schedule("sqrt-linear", 1000);
  const auto betas = tables.at("tables_linear/out.betas").f32("betas");
  const auto alpha_bar = tables.at("tables_linear/out.alphas_cumprod").f32("alphas_cumprod");
  ASSERT_THAT(betas, SizeIs(1000));
  for (std::size_t t = 0; t < 1000; ++t) {
    EXPECT_NEAR(schedule.beta[t], betas[t], 1e-5 * betas[t] + 1e-9) << t;
    EXPECT_NEAR(schedule.alpha_bar[t], alpha_bar[t], 1e-5 * alpha_bar[t] + 1e-9) << t;
  }
}

TEST(NoiseSchedule, MatchesTheTablesOfGuidedDiffusionAtOtherLengthsToo) {
  ASSAY_NEEDS_SHARED_GOLDEN("diffusion.gaussian");
  const SafetensorsFile tables(shared_golden("diffusion.gaussian") / "cases.safetensors");
  for (const auto& [name, steps] : {std::pair("linear", 1000), {"cosine", 1000}, {"linear", 400}}) {
    const NoiseSchedule schedule = make_noise_schedule(name, steps);
    const std::string key = std::string("tables_") + name + "_" + std::to_string(steps) + "/out.alphas_cumprod";
    const auto expected = tables.at(key).f32(key);
    ASSERT_EQ(static_cast<std::int64_t>(expected.size()), steps);
    for (std::size_t t = 0; t < expected.size(); ++t)
      EXPECT_NEAR(schedule.alpha_bar[t], expected[t], 1e-5 * expected[t] + 1e-9) << name << " at " << t;
  }
}

TEST(NoiseSchedule, FallsFromBelowOneAndStaysPositiveAtEveryLength) {
  for (const std::string& name : noise_schedule_names())
    for (const std::int64_t steps : {1, 2, 50, 1000, 4000}) {
      const NoiseSchedule schedule = make_noise_schedule(name, steps);
      ASSERT_EQ(schedule.steps(), steps);
      double before = 1.0;
      for (std::size_t t = 0; t < schedule.beta.size(); ++t) {
        EXPECT_GT(schedule.beta[t], 0.0);
        EXPECT_LT(schedule.beta[t], 1.0);
        EXPECT_LT(schedule.alpha_bar[t], before) << name << ", " << steps << " steps, at " << t;
        before = schedule.alpha_bar[t];
      }
      EXPECT_GT(before, 0.0) << name << ", " << steps << " steps";
    }
}

TEST(NoiseSchedule, RefusesUnknownNamesAndNoSteps) {
  EXPECT_THAT(message_of<InputError>([] { make_noise_schedule("cosin", 1000); }),
              AllOf(HasSubstr("'cosin'"), HasSubstr("did you mean 'cosine'?")));
  EXPECT_THAT(message_of<InputError>([] { make_noise_schedule("linear", 0); }), HasSubstr("0 steps"));
}

TEST(DdimSteps, OfSelfGuidedDiffusionStartAtOne) {
  const NoiseSchedule schedule = make_noise_schedule("sqrt-linear", 1000);
  const auto steps = ddim_steps(schedule, DdimVariant::sgdm, 250, 0.0);
  ASSERT_THAT(steps, SizeIs(250));
  for (std::size_t i = 0; i < 250; ++i)
    EXPECT_EQ(steps[i].timestep, 997 - 4 * static_cast<std::int64_t>(i));  // 997, 993, ..., 5, 1
  EXPECT_EQ(steps.back().alpha_bar, schedule.alpha_bar[1]);
  EXPECT_DOUBLE_EQ(steps.back().alpha_bar_previous, 0.9999);  // 1 - beta_0, not 1
}

TEST(DdimSteps, OfGuidedDiffusionStartAtZeroAndEndClean) {
  const NoiseSchedule schedule = make_noise_schedule("linear", 1000);
  const auto steps = ddim_steps(schedule, DdimVariant::adm, 25, 0.0);
  ASSERT_THAT(steps, SizeIs(25));
  for (std::size_t i = 0; i < 25; ++i)
    EXPECT_EQ(steps[i].timestep, 960 - 40 * static_cast<std::int64_t>(i));  // 960, 920, ..., 40, 0
  EXPECT_DOUBLE_EQ(steps.back().alpha_bar, 0.9999);
  EXPECT_EQ(steps.back().alpha_bar_previous, 1.0);
  // The respaced betas, from the same computation.
  const auto respaced_beta = [&](std::size_t i) {
    return 1 - steps[24 - i].alpha_bar / steps[24 - i].alpha_bar_previous;
  };
  EXPECT_NEAR(respaced_beta(0), 1e-4, 1e-12);
  EXPECT_NEAR(respaced_beta(1), 0.0201350895, 1e-10);
  EXPECT_NEAR(respaced_beta(24), 0.532601823, 1e-9);
}

TEST(DdimSteps, LeadFromOneToTheNext) {
  for (const DdimVariant variant : {DdimVariant::sgdm, DdimVariant::adm}) {
    const auto steps = ddim_steps(make_noise_schedule("cosine", 1000), variant, 40, 0.3);
    for (std::size_t i = 0; i + 1 < steps.size(); ++i) {
      EXPECT_EQ(steps[i].alpha_bar_previous, steps[i + 1].alpha_bar);
      EXPECT_GT(steps[i].timestep, steps[i + 1].timestep);
    }
  }
}

TEST(DdimSteps, MatchTheParametersOfSelfGuidedDiffusion) {
  const SafetensorsFile pack(golden("sgdm.sampler") / "cases.safetensors");
  const NoiseSchedule schedule = make_noise_schedule("sqrt-linear", 1000);
  struct Row {
    std::int64_t count;
    double eta;
    std::string shared, sigmas;  // tensors that equal an earlier case's are stored under its name
  };
  for (const Row& row : {Row{50, 0.0, "ddim_parameters_50_eta0.0", "ddim_parameters_50_eta0.0"},
                         Row{50, 1.0, "ddim_parameters_50_eta0.0", "ddim_parameters_50_eta1.0"},
                         Row{250, 0.0, "ddim_parameters_250_eta0.0", "ddim_parameters_250_eta0.0"}}) {
    const auto times = pack.at(row.shared + "/out.timesteps").i64("timesteps");
    const auto alphas = pack.at(row.shared + "/out.alphas").f32("alphas");
    const auto previous = pack.at(row.shared + "/out.alphas_prev").f32("alphas_prev");
    const auto sigmas = pack.at(row.sigmas + "/out.sigmas").f32("sigmas");
    const auto steps = ddim_steps(schedule, DdimVariant::sgdm, row.count, row.eta);
    ASSERT_EQ(steps.size(), times.size());
    for (std::size_t j = 0; j < steps.size(); ++j) {
      const DdimStep& step = steps[steps.size() - 1 - j];  // theirs ascend
      EXPECT_EQ(step.timestep, times[j]);
      EXPECT_NEAR(step.alpha_bar, alphas[j], 1e-4 * alphas[j] + 1e-7);
      EXPECT_NEAR(step.alpha_bar_previous, previous[j], 1e-4 * previous[j] + 1e-7);
      EXPECT_NEAR(step.sigma, sigmas[j], 1e-4 * sigmas[j] + 1e-7);
    }
  }
}

TEST(DdimSteps, RefuseCountsThatTheListsCannotGive) {
  const NoiseSchedule schedule = make_noise_schedule("linear", 1000);
  const auto refused = [&](DdimVariant variant, std::int64_t count, double eta) {
    return message_of<InputError>([&] { ddim_steps(schedule, variant, count, eta); });
  };
  for (const DdimVariant variant : {DdimVariant::sgdm, DdimVariant::adm}) {
    EXPECT_THAT(refused(variant, 0, 0), HasSubstr("1 to 1000"));
    EXPECT_THAT(refused(variant, 1001, 0), HasSubstr("1 to 1000"));
    EXPECT_THAT(refused(variant, 50, -0.1), HasSubstr("eta -0.1"));
    EXPECT_THAT(refused(variant, 50, 1.1), HasSubstr("eta 1.1"));
    EXPECT_THAT(refused(variant, 50, std::numeric_limits<double>::quiet_NaN()), HasSubstr("eta nan"));
  }
  EXPECT_THAT(refused(DdimVariant::sgdm, 1000, 0), HasSubstr("step 1000"));  // overflows in the official code
  EXPECT_THAT(refused(DdimVariant::adm, 999, 0), HasSubstr("no integer stride"));
  EXPECT_THAT(message_of<InputError>([] { value_of("DDIM variant", "sgmd", ddim_variant_names); }),
              HasSubstr("known: sgdm, adm"));
}

/// The packs' toy network a x + b sin(x) + c t / 1000, which remembers the times of its evaluations.
class ToyDenoiser : public Denoiser {
 public:
  at::Tensor predict(const at::Tensor& x, const at::Tensor& t, const Condition& condition) const override {
    times.push_back(t.const_data_ptr<std::int64_t>()[0]);
    at::Tensor eps = 0.3 * x + 0.6 * x.sin() + 0.5 * (t.to(at::kFloat) / 1000).view({-1, 1, 1, 1});
    return condition.defined() ? eps + condition.vector.sum() : eps;
  }
  std::int64_t condition_size() const override { return 1; }

  mutable std::vector<std::int64_t> times;
};

void expect_chain(const SafetensorsFile& pack, const std::string& name, const NoiseSchedule& schedule,
                  DdimVariant variant, double eta) {
  const at::Tensor step_noise = tensor_of(pack, name + "/in.step_noise");
  DdimOptions options;
  options.variant = variant;
  options.steps = 10;
  options.eta = eta;
  const ToyDenoiser toy;
  ClassifierFreeGuidance unguided;
  const at::Tensor got =
      DdimSampler(schedule, options).sample(toy, unguided, tensor_of(pack, name + "/in.x_T"), [&](std::int64_t step) {
        return step_noise.select(0, step).contiguous();
      });
  const at::Tensor want = tensor_of(pack, name + "/out.sample");
  ASSERT_EQ(got.sizes(), want.sizes());
  EXPECT_LE((got - want).abs().sub(want.abs(), 1e-4).max().item<double>(), 1e-5) << name;
  EXPECT_THAT(toy.times, SizeIs(10));
}

TEST(DdimSample, FollowsWholeChainsOfSelfGuidedDiffusion) {
  const SafetensorsFile pack(golden("sgdm.sampler") / "cases.safetensors");
  const NoiseSchedule schedule = make_noise_schedule("sqrt-linear", 1000);
  expect_chain(pack, "ddim_10_eta0.0", schedule, DdimVariant::sgdm, 0.0);
  expect_chain(pack, "ddim_10_eta0.5", schedule, DdimVariant::sgdm, 0.5);
}

TEST(DdimSample, FollowsWholeChainsOfGuidedDiffusion) {
  ASSAY_NEEDS_SHARED_GOLDEN("diffusion.gaussian");
  const SafetensorsFile pack(shared_golden("diffusion.gaussian") / "cases.safetensors");
  const NoiseSchedule schedule = make_noise_schedule("linear", 1000);
  expect_chain(pack, "ddim_sample_loop_plain_eta0.0", schedule, DdimVariant::adm, 0.0);
  expect_chain(pack, "ddim_sample_loop_plain_eta0.5", schedule, DdimVariant::adm, 0.5);
}

TEST(DdimSample, MixesAndStepsInOnePassAsItDoesInTwo) {
  // A limit of x_0 that is the clipping itself takes the way of two passes.
  const NoiseSchedule schedule = make_noise_schedule("linear", 1000);
  const at::Tensor x = normal({2, 1, 2, 2}, 1), condition = at::full({2, 1}, 0.1);
  const auto noise = [](std::int64_t i) { return normal({2, 1, 2, 2}, static_cast<std::uint64_t>(10 + i)); };
  for (const DdimVariant variant : {DdimVariant::sgdm, DdimVariant::adm})
    for (const double eta : {0.0, 0.6})
      for (const double weight : {0.0, 1.0, 2.5, -0.5}) {
        DdimOptions options;
        options.variant = variant;
        options.steps = 10;
        options.eta = eta;
        ClassifierFreeGuidance guidance(condition, weight);
        const at::Tensor fused = DdimSampler(schedule, options).sample(ToyDenoiser(), guidance, x, noise);
        options.limit_x0 = [](const at::Tensor& x0) { return x0.clamp(-1, 1); };
        const at::Tensor unfused = DdimSampler(schedule, options).sample(ToyDenoiser(), guidance, x, noise);
        EXPECT_LT(max_abs_difference(fused, unfused), 1e-5) << "eta " << eta << ", w " << weight;
      }
}

TEST(DdimSample, HasTheBitsOfTheOneBranchWhereOneIsEvaluated) {
  const NoiseSchedule schedule = make_noise_schedule("linear", 1000);
  DdimOptions options;
  options.steps = 5;
  const DdimSampler sampler(schedule, options);
  const at::Tensor x = normal({2, 1, 2, 2}, 1), condition = at::full({2, 1}, 0.1);
  ClassifierFreeGuidance at_zero(condition, 0.0), unguided, at_one(condition, 1.0), without_weight(condition);
  EXPECT_TRUE(same_bits(sampler.sample(ToyDenoiser(), at_zero, x), sampler.sample(ToyDenoiser(), unguided, x)));
  EXPECT_TRUE(same_bits(sampler.sample(ToyDenoiser(), at_one, x), sampler.sample(ToyDenoiser(), without_weight, x)));
}

TEST(DdimSample, TakesOneStepAsWorkedByHand) {
  // A process of one step with alpha_bar 0.64 and eps = 0.5 everywhere: x0 = (x - 0.6 * 0.5) / 0.8, and ADM's last step
  // goes to alpha_bar 1, so the result is x0 itself, clipped.
  class Constant : public Denoiser {
   public:
    at::Tensor predict(const at::Tensor& x, const at::Tensor&, const Condition&) const override {
      return at::full(x.sizes(), 0.5, x.options());
    }
    std::int64_t condition_size() const override { return 0; }
  };
  const NoiseSchedule schedule{"by hand", {0.36}, {0.64}};
  DdimOptions options;
  options.variant = DdimVariant::adm;
  options.steps = 1;
  const at::Tensor x = values({0.3f, 0.7f, 2.0f, -2.0f}, {1, 1, 2, 2});
  ClassifierFreeGuidance unguided;
  const auto sampled = [&] { return DdimSampler(schedule, options).sample(Constant(), unguided, x); };
  EXPECT_LT(max_abs_difference(sampled(), values({0.0f, 0.5f, 1.0f, -1.0f}, {1, 1, 2, 2})), 1e-6);
  options.clip = false;
  EXPECT_LT(max_abs_difference(sampled(), values({0.0f, 0.5f, 2.125f, -2.875f}, {1, 1, 2, 2})), 1e-6);
}

/// log p(x_t) of the mixture, or of one of its classes, straight from the densities.
double log_density(const GaussianMixture& mixture, double alpha_bar, const std::vector<double>& x, int only_class) {
  const std::int64_t classes = mixture.means().size(0), d = mixture.means().size(1);
  const double s2 = mixture.deviation() * mixture.deviation();
  const double variance = alpha_bar * s2 + 1 - alpha_bar;
  double density = 0;
  for (std::int64_t c = 0; c < classes; ++c) {
    if (only_class >= 0 && c != only_class) continue;
    double distance = 0;
    for (std::int64_t i = 0; i < d; ++i) {
      const double mean = std::sqrt(alpha_bar) * mixture.means().const_data_ptr<double>()[c * d + i];
      distance += (x[static_cast<std::size_t>(i)] - mean) * (x[static_cast<std::size_t>(i)] - mean);
    }
    density += std::exp(-distance / (2 * variance));
  }
  return std::log(density) - 0.5 * static_cast<double>(d) * std::log(2 * std::numbers::pi * variance);
}

TEST(GaussianMixture, PredictsTheScoreOfTheNoisedDensity) {
  const NoiseSchedule schedule = make_noise_schedule("linear", 1000);
  const GaussianMixture mixture(schedule, 3, 2, 0.5, 11);
  const std::vector<std::int64_t> times = {5, 300, 700};
  const at::Tensor x = normal({3, 2, 1, 1}, 4).to(at::kDouble);
  at::Tensor one_hot = at::zeros({3, 3});
  one_hot.select(1, 2).fill_(1);  // every row of class 2
  const at::Tensor eps = mixture.predict(x, test::indices(times), {});
  const at::Tensor eps_class = mixture.predict(x, test::indices(times), one_hot);
  for (std::int64_t row = 0; row < 3; ++row) {
    const double a = schedule.alpha_bar[static_cast<std::size_t>(times[static_cast<std::size_t>(row)])];
    for (std::int64_t i = 0; i < 2; ++i) {
      const auto derivative = [&](int only_class) {  // of log p by x_i, central difference
        constexpr double h = 1e-5;
        std::vector<double> point(x.const_data_ptr<double>() + 2 * row, x.const_data_ptr<double>() + 2 * row + 2);
        point[static_cast<std::size_t>(i)] += h;
        const double above = log_density(mixture, a, point, only_class);
        point[static_cast<std::size_t>(i)] -= 2 * h;
        return (above - log_density(mixture, a, point, only_class)) / (2 * h);
      };
      EXPECT_NEAR(eps.const_data_ptr<double>()[2 * row + i], -std::sqrt(1 - a) * derivative(-1), 1e-7);
      EXPECT_NEAR(eps_class.const_data_ptr<double>()[2 * row + i], -std::sqrt(1 - a) * derivative(2), 1e-7);
    }
  }
}

TEST(GaussianMixture, ConditionalSamplesAreOfTheirClassWithItsMeanAndDeviation) {
  const NoiseSchedule schedule = make_noise_schedule("linear", 1000);
  constexpr std::int64_t classes = 4, each = 128, d = 8;
  constexpr double s = 0.2;
  const GaussianMixture mixture(schedule, classes, d, s, 3);
  at::Tensor condition = at::zeros({classes * each, classes});
  for (std::int64_t c = 0; c < classes; ++c) condition.narrow(0, c * each, each).select(1, c).fill_(1);
  DdimOptions options;
  options.variant = DdimVariant::adm;
  options.steps = 250;
  options.clip = false;
  ClassifierFreeGuidance conditional(condition);
  const at::Tensor x =
      DdimSampler(schedule, options).sample(mixture, conditional, normal({classes * each, d, 1, 1}, 6));
  const auto found = mixture.classify(x);
  for (std::int64_t c = 0; c < classes; ++c) {
    for (std::int64_t i = 0; i < each; ++i) EXPECT_EQ(found[static_cast<std::size_t>(c * each + i)], c);
    const at::Tensor points = x.narrow(0, c * each, each).flatten(1).to(at::kDouble);
    // The standard error of a mean is 0.2 / sqrt(128) = 0.018, of the pooled deviation 0.2 / sqrt(2 * 1024) = 0.0044.
    EXPECT_LT((points.mean(0) - mixture.means().select(0, c)).abs().max().item<double>(), 5 * 0.018);
    EXPECT_NEAR((points - points.mean(0)).square().mean().sqrt().item<double>(), s, 5 * 0.0044);
  }
}

TEST(GaussianMixture, ClassifiesByTheNearestMean) {
  const GaussianMixture mixture(make_noise_schedule("linear", 10), 5, 3, 0.1, 8);
  EXPECT_THAT(mixture.classify(mixture.means().view({5, 3, 1, 1})), ElementsAre(0, 1, 2, 3, 4));
  EXPECT_EQ(mixture.condition_size(), 5);
}

TEST(GaussianMixture, RefusesSizesThatMakeNoMixture) {
  const NoiseSchedule schedule = make_noise_schedule("linear", 10);
  EXPECT_THROW(GaussianMixture(schedule, 0, 3, 0.1, 0), InputError);
  EXPECT_THROW(GaussianMixture(schedule, 2, 0, 0.1, 0), InputError);
  EXPECT_THROW(GaussianMixture(schedule, 2, 3, 0.0, 0), InputError);
}

}  // namespace
}  // namespace assay
