#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <vector>

#include "core/error.h"
#include "diffusion/guidance/classifier_free.h"
#include "diffusion/networks/gaussian_mixture.h"
#include "diffusion/process/beta_schedule.h"
#include "diffusion/process/dynamic_threshold.h"
#include "diffusion/sampling/diffusers/ddim_scheduler.h"
#include "diffusion/sampling/diffusers/make_scheduler.h"
#include "diffusion/sampling/make_sampler.h"
#include "diffusion/sampling/scheduler_sampler.h"
#include "tests/support/tensors.h"
#include "tests/support/throws.h"

// Values against diffusers and the code of Self-Guided Diffusion are in packs (tests/bench/parity/parity_test.cpp).

namespace assay {
namespace {

using test::max_abs_difference;
using test::message_of;
using test::normal;
using test::same_bits;
using test::values;
using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr double deviation = 0.35;

/// One Gaussian: the ODE of its diffusion keeps (x - sqrt(a) mu) / sqrt(a s^2 + 1 - a).
class OneGaussian : public ::testing::Test {
 protected:
  double spread(double a) const { return std::sqrt(a * deviation * deviation + 1 - a); }
  /// Where the exact solution from x at time step `from` is at alpha_bar `a`.
  at::Tensor exact(const at::Tensor& start, std::size_t from, double a) const {
    const at::Tensor mu = world.means().to(at::kFloat).view({1, -1, 1, 1});
    const double b = schedule.alpha_bar[from];
    return std::sqrt(a) * mu + spread(a) / spread(b) * (start - std::sqrt(b) * mu);
  }
  /// Largest error of x at the end. The chains start at T - 1, or at `from`, and end at alpha_bar `end`.
  double error(SamplerKind kind, std::int64_t steps, double end, std::size_t from = 999) const {
    DdimOptions options;
    options.steps = steps;
    options.clip = false;
    ClassifierFreeGuidance unguided;
    return max_abs_difference(make_sampler(kind, schedule, options)->sample(world, unguided, x), exact(x, from, end));
  }

  NoiseSchedule schedule = make_noise_schedule("sqrt-linear", 1000);
  GaussianMixture world{schedule, 1, 4, deviation, 5};
  at::Tensor x = normal({8, 4, 1, 1}, 3);
};

TEST_F(OneGaussian, EverySamplerOfTheOdeEndsWhereItsExactSolutionEnds) {
  EXPECT_LT(error(SamplerKind::ddim, 250, schedule.alpha_bar[0], 997), 0.01);
  EXPECT_LT(error(SamplerKind::plms, 250, schedule.alpha_bar[0], 997), 0.002);
  EXPECT_LT(error(SamplerKind::pndm, 250, schedule.alpha_bar[0], 997), 0.002);
  EXPECT_LT(error(SamplerKind::dpmpp_2m, 100, 1.0), 0.01);
  EXPECT_LT(error(SamplerKind::euler, 500, 1.0), 0.01);
}

TEST_F(OneGaussian, HigherOrderSolversAreCloserAtTheSameSteps) {
  const double first = error(SamplerKind::ddim, 40, schedule.alpha_bar[0], 976);
  EXPECT_LT(error(SamplerKind::plms, 40, schedule.alpha_bar[0], 976), first / 3);
  EXPECT_LT(error(SamplerKind::pndm, 40, schedule.alpha_bar[0], 976), first / 3);
}

/// The error at the last level of a chain that ends at sigma_min, where no step goes to sigma 0.
double last_error(const GaussianMixture& world, const NoiseSchedule& schedule, const at::Tensor& x,
                  const nlohmann::json& changes, std::int64_t steps, const at::Tensor& wanted) {
  nlohmann::json arguments = {{"beta_schedule", "scaled_linear"},
                              {"final_sigmas_type", "sigma_min"},
                              {"lower_order_final", false},
                              {"use_exponential_sigmas", true},
                              {"algorithm_type", "dpmsolver++"}};
  arguments.update(changes);
  const auto scheduler = make_scheduler("dpm", arguments, "test");
  scheduler->set_timesteps(steps);
  // Whole time steps are too coarse for an order: the denoiser is asked at the scheduler's own noise level.
  at::Tensor at_level = x;
  const at::Tensor mu = world.means().to(at::kFloat).view({1, -1, 1, 1});
  for (std::size_t i = 0; i < scheduler->timesteps().size(); ++i) {
    const double s = scheduler->sigmas()[i], a = 1 / (s * s + 1);
    const at::Tensor eps = std::sqrt(1 - a) * (at_level - std::sqrt(a) * mu) / (a * deviation * deviation + 1 - a);
    at_level = scheduler->step(eps, at_level);
  }
  EXPECT_EQ(schedule.steps(), 1000);
  return max_abs_difference(at_level, wanted);
}

TEST_F(OneGaussian, DpmSolversErrorFallsWithItsOrder) {
  const at::Tensor wanted = exact(x, 999, schedule.alpha_bar[0]);
  for (const char* type : {"midpoint", "heun"}) {
    double before = 0.2;
    for (const std::int64_t order : {1, 2, 3}) {
      const nlohmann::json changes = {{"solver_order", order}, {"solver_type", type}};
      const double coarse = last_error(world, schedule, x, changes, 20, wanted);
      const double fine = last_error(world, schedule, x, changes, 40, wanted);
      // A chain starts with a step of order 1 and one of order 2, whose errors stay: order 3 shows in the steps
      // between.
      EXPECT_GT(coarse / fine, 0.75 * std::pow(2, std::min<std::int64_t>(order, 2))) << type << " " << order;
      EXPECT_LT(coarse, before) << type << " " << order;
      before = coarse;
    }
  }
}

TEST_F(OneGaussian, InverseDdimUndoesDdim) {
  DdimSchedulerOptions forward_options;
  forward_options.clip = std::nullopt;
  forward_options.set_alpha_to_one = false;
  DdimInverseOptions inverse_options;
  inverse_options.clip = std::nullopt;
  inverse_options.set_alpha_to_one = false;
  const SchedulerSampler forward([&] { return std::make_unique<DdimScheduler>(schedule, forward_options); }, 500);
  const SchedulerSampler inverse([&] { return std::make_unique<DdimInverseScheduler>(schedule, inverse_options); },
                                 500);
  ClassifierFreeGuidance unguided;
  const at::Tensor image = world.means().to(at::kFloat).view({1, -1, 1, 1}) + deviation * x;
  const at::Tensor noise = inverse.sample(world, unguided, image);
  EXPECT_GT(max_abs_difference(noise, image), 0.5);
  EXPECT_LT(max_abs_difference(forward.sample(world, unguided, noise), image), 0.02);
}

TEST(AncestralStep, IsThePosteriorOfDdpm) {
  const NoiseSchedule schedule = make_noise_schedule("cosine", 100);
  const at::Tensor x = normal({2, 3, 4, 4}, 1), eps = normal({2, 3, 4, 4}, 2), z = normal({2, 3, 4, 4}, 3);
  DdimOptions options;
  options.variant = DdimVariant::adm;
  for (const std::int64_t t : {0, 1, 50, 98}) {
    const auto i = static_cast<std::size_t>(t);
    const double a = schedule.alpha_bar[i], b = schedule.beta[i], previous = t > 0 ? schedule.alpha_bar[i - 1] : 1.0;
    const at::Tensor x0 = ((x - std::sqrt(1 - a) * eps) / std::sqrt(a)).clamp(-1, 1);
    const at::Tensor mean = std::sqrt(previous) * b / (1 - a) * x0 + std::sqrt(1 - b) * (1 - previous) / (1 - a) * x;
    const at::Tensor want = mean + std::sqrt(b * (1 - previous) / (1 - a)) * z;
    EXPECT_LT(max_abs_difference(ddim_step(x, eps, ancestral_step(schedule, t), options, z), want), 2e-5) << t;
  }
  EXPECT_THAT(message_of<InputError>([&] { ancestral_step(schedule, 100); }), HasSubstr("0 to 99"));
}

/// eps without a condition.
class Toy : public Denoiser {
 public:
  at::Tensor predict(const at::Tensor& x, const at::Tensor& t, const Condition& /*condition*/) const override {
    return 0.4 * x + (t.to(at::kFloat) / 2000).view({-1, 1, 1, 1});
  }
  std::int64_t condition_size() const override { return 0; }
};

TEST(DynamicThreshold, ClipsEachSampleAtItsOwnQuantile) {
  // |x| of the first: 0 1 2 3 4, whose quantile 0.75 is 3; of the second all below 1.
  const at::Tensor x = values({0, -1, 2, -3, 4, 0.5, -0.5, 0.1, 0.2, 0.9}, {2, 5, 1, 1});
  const at::Tensor want = values({0, -1.f / 3, 2.f / 3, -1, 1, 0.5, -0.5, 0.1, 0.2, 0.9}, {2, 5, 1, 1});
  EXPECT_LT(max_abs_difference(dynamic_threshold(x, 0.75), want), 1e-6);
  EXPECT_LT(max_abs_difference(dynamic_threshold(x, 0.75, 1.0), x.clamp(-1, 1)), 1e-6);
  EXPECT_THAT(message_of<InputError>([&] { dynamic_threshold(x, 1.5); }), HasSubstr("0 to 1"));
}

TEST(DdimSample, ThresholdsEachImageAtItsQuantile) {
  const NoiseSchedule schedule = make_noise_schedule("sqrt-linear", 1000);
  const at::Tensor x = 3 * normal({2, 3, 4, 4}, 7);
  DdimOptions options;
  options.steps = 5;
  ClassifierFreeGuidance unguided;
  const at::Tensor clipped = DdimSampler(schedule, options).sample(Toy(), unguided, x);
  options.threshold_quantile = 0.5;
  const at::Tensor thresholded = DdimSampler(schedule, options).sample(Toy(), unguided, x);
  EXPECT_GT(max_abs_difference(clipped, thresholded), 0.01);
  EXPECT_TRUE(thresholded.isfinite().all().item<bool>());
}

TEST(BetaSchedule, IsLinearInBetaOrItsRootOrACosine) {
  BetaScheduleOptions o;
  o.num_train_timesteps = 11;
  o.beta_start = 0.01;
  o.beta_end = 0.25;
  EXPECT_NEAR(make_beta_schedule(o).beta[5], 0.13, 1e-7);
  o.beta_schedule = "scaled_linear";
  EXPECT_NEAR(make_beta_schedule(o).beta[5], 0.09, 1e-7);
  o.beta_schedule = "squaredcos_cap_v2";
  EXPECT_NEAR(make_beta_schedule(o).beta[10], 0.999, 1e-7);
  o.trained_betas = {0.5, 0.25};
  EXPECT_THAT(make_beta_schedule(o).alpha_bar, ElementsAre(0.5, 0.375));
}

TEST(BetaSchedule, RescaledEndsWithoutSignalAndKeepsItsBeginning) {
  BetaScheduleOptions o;
  const double first = make_beta_schedule(o).alpha_bar.front();
  o.rescale_betas_zero_snr = true;
  const NoiseSchedule schedule = make_beta_schedule(o);
  EXPECT_EQ(schedule.alpha_bar.back(), 0.0);
  EXPECT_NEAR(schedule.alpha_bar.front(), first, 1e-6);
}

TEST(BetaSchedule, RefusesNamesAndBetasThatAreNone) {
  BetaScheduleOptions o;
  o.beta_schedule = "scaled-linear";
  EXPECT_THAT(message_of<InputError>([&] { make_beta_schedule(o); }), HasSubstr("did you mean 'scaled_linear'"));
  o.trained_betas = {0.5, 1.0};
  EXPECT_THAT(message_of<InputError>([&] { make_beta_schedule(o); }), HasSubstr("between 0 and 1"));
  EXPECT_THAT(message_of<InputError>([] {
                make_noise_schedule("linear", 10, {0.1, 1.0});
              }),
              HasSubstr("between 0 and 1"));
}

TEST(SpacedTimesteps, LieWhereTheirNamesSay) {
  EXPECT_THAT(spaced_timesteps(Spacing::leading, 1000, 4, 1), ElementsAre(1, 251, 501, 751));
  EXPECT_THAT(spaced_timesteps(Spacing::trailing, 1000, 4, 1), ElementsAre(249, 499, 749, 999));
  EXPECT_THAT(spaced_timesteps(Spacing::linspace, 1000, 4, 1), ElementsAre(0, 333, 666, 999));
}

TEST(SpacedTimesteps, NeverFallBelowZeroNorDifferInNumber) {
  for (std::int64_t count = 1; count <= 1000; ++count)
    for (const Spacing spacing : {Spacing::leading, Spacing::trailing, Spacing::linspace}) {
      const auto times = spaced_timesteps(spacing, 1000, count, 0);
      ASSERT_EQ(static_cast<std::int64_t>(times.size()), count);
      EXPECT_GE(times.front(), 0);
      EXPECT_LE(times.back(), 999);
    }
}

std::string refused(const std::string& name, const nlohmann::json& arguments) {
  return message_of<InputError>([&] { make_scheduler(name, arguments, "sampler"); });
}

TEST(MakeScheduler, RefusesByNameWhatIsUnknownOrNotBuilt) {
  EXPECT_THAT(refused("heun", {}), HasSubstr("known: ddim, ddim_inverse, pndm, dpm, euler"));
  EXPECT_THAT(refused("ddim", {{"clip_smaple", true}}), AllOf(HasSubstr("clip_smaple"), HasSubstr("clip_sample")));
  EXPECT_THAT(refused("dpm", {{"use_beta_sigmas", true}}), HasSubstr("sampler.use_beta_sigmas is not built"));
  EXPECT_THAT(refused("dpm", {{"use_flow_sigmas", true}}), HasSubstr("use_flow_sigmas"));
  EXPECT_THAT(refused("euler", {{"use_beta_sigmas", true}}), HasSubstr("use_beta_sigmas"));
  EXPECT_THAT(refused("dpm", {{"use_karras_sigmas", true}, {"use_lu_lambdas", true}}), HasSubstr("more than one"));
  EXPECT_THAT(refused("dpm", {{"algorithm_type", "deis"}}), HasSubstr("dpmsolver++"));
  EXPECT_THAT(refused("dpm", {{"solver_order", 4}}), HasSubstr("solver_order"));
  EXPECT_THAT(refused("dpm", {{"algorithm_type", "dpmsolver"}}), HasSubstr("sigma_min"));
  EXPECT_THAT(refused("ddim_inverse", {{"timestep_spacing", "linspace"}}), HasSubstr("leading, trailing"));
  EXPECT_THAT(refused("pndm", {{"prediction_type", "sample"}}), HasSubstr("epsilon, v_prediction"));
  EXPECT_THAT(refused("ddim", {{"prediction_type", "x0"}}), HasSubstr("'x0'"));
  EXPECT_THAT(refused("ddim", {{"eta", 1.5}}), HasSubstr("eta"));
  EXPECT_THAT(refused("ddim", {{"beta_schedule", "sigmoid"}}), HasSubstr("'sigmoid'"));
}

TEST(MakeScheduler, TakesNullForTheDefault) {
  EXPECT_NO_THROW(make_scheduler("dpm", {{"trained_betas", nullptr}, {"variance_type", nullptr}}, "sampler"));
}

TEST(ScheduleOfConfig, ReadsTheForwardProcessOfAnyClass) {
  const nlohmann::json config = {{"_class_name", "HeunDiscreteScheduler"},
                                 {"beta_schedule", "scaled_linear"},
                                 {"beta_start", 0.00085},
                                 {"beta_end", 0.012},
                                 {"trained_betas", nullptr}};
  const NoiseSchedule schedule = schedule_of_config(config, "scheduler_config.json");
  EXPECT_EQ(schedule.name, "scaled_linear");
  EXPECT_NEAR(schedule.beta.front(), 0.00085, 1e-9);
  EXPECT_NEAR(schedule.beta.back(), 0.012, 1e-8);
  EXPECT_THAT(message_of<InputError>([] {
                schedule_of_config({{"beta_start", "low"}}, "m/s.json");
              }),
              HasSubstr("m/s.json.beta_start"));
}

TEST(Scheduler, RefusesCountsThatTheTableCannotGive) {
  const auto count = [](const nlohmann::json& arguments, const std::string& name, std::int64_t steps) {
    const auto scheduler = make_scheduler(name, arguments, "sampler");
    return message_of<InputError>([&] { scheduler->set_timesteps(steps); });
  };
  EXPECT_THAT(count({}, "ddim", 0), HasSubstr("accepted: 1 to 1000"));
  EXPECT_THAT(count({}, "euler", 1001), HasSubstr("accepted: 1 to 1000"));
  EXPECT_THAT(count({{"steps_offset", 1}}, "ddim", 1000), HasSubstr("time step 1000, outside 0 to 999"));
  EXPECT_THAT(count({}, "pndm", 3), HasSubstr("at least 4"));
}

TEST(Scheduler, StopsAfterItsLastStepAndBeginsAgain) {
  for (const std::string& name : scheduler_names()) {
    const auto scheduler = make_scheduler(name, {}, name);
    const at::Tensor x = normal({1, 3, 2, 2}, 1);
    const auto run = [&] {
      scheduler->set_timesteps(6);
      at::Tensor at_step = x;
      for (const double t : scheduler->timesteps())
        at_step = scheduler->step(0.3 * scheduler->scale_model_input(at_step) + t / 2000, at_step);
      return at_step;
    };
    const at::Tensor first = run();
    EXPECT_THAT(message_of<Error>([&] { scheduler->step(x, x); }), HasSubstr("steps are taken")) << name;
    EXPECT_THAT(message_of<Error>([&] { scheduler->current_alpha_bar(); }), HasSubstr("steps are taken")) << name;
    EXPECT_TRUE(same_bits(first, run())) << name;
  }
}

TEST(Scheduler, NeedsNoiseWhereItAddsSome) {
  for (const auto& [name, arguments] : {std::pair<std::string, nlohmann::json>{"ddim", {{"eta", 0.5}}},
                                        {"dpm", {{"algorithm_type", "sde-dpmsolver++"}}}}) {
    const auto scheduler = make_scheduler(name, arguments, name);
    scheduler->set_timesteps(5);
    const at::Tensor x = normal({1, 3, 2, 2}, 1);
    EXPECT_THAT(message_of<Error>([&] { scheduler->step(x, x); }), HasSubstr("needs noise")) << name;
    EXPECT_NO_THROW(scheduler->step(x, x, x)) << name;
  }
}

TEST(Scheduler, TellsHowNoisyTheNetworksInputIs) {
  // The samplers in alpha_bar and the one in sigma agree about the same time steps; sigmas are rounded to float32.
  const auto schedule = make_beta_schedule({});
  for (const char* name : {"ddim", "euler"}) {
    const auto scheduler = make_scheduler(name, {{"timestep_spacing", "trailing"}}, name);
    scheduler->set_timesteps(5);
    const at::Tensor x = normal({1, 3, 2, 2}, 1);
    for (const double t : scheduler->timesteps()) {
      EXPECT_NEAR(scheduler->current_alpha_bar() / schedule.alpha_bar[static_cast<std::size_t>(t)], 1, 1e-5) << name;
      scheduler->step(x, x);
    }
  }
}

}  // namespace
}  // namespace assay
