#include "diffusion/sampling/inversion.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/full.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/error.h"
#include "diffusion/guidance/classifier_free.h"
#include "diffusion/networks/gaussian_mixture.h"
#include "diffusion/networks/sd/feature_taps.h"
#include "diffusion/networks/sd/observed_denoiser.h"
#include "diffusion/process/gaussian_process.h"
#include "diffusion/sampling/diffusers/ddim_scheduler.h"
#include "diffusion/sampling/diffusers/make_scheduler.h"
#include "diffusion/sampling/scheduler_sampler.h"
#include "tests/diffusion/small_text_to_image.h"
#include "tests/support/tensors.h"
#include "tests/support/throws.h"

namespace assay {
namespace {

using test::indices;
using test::max_abs_difference;
using test::message_of;
using test::normal;
using test::same_bits;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::SizeIs;

/// What Stable Diffusion's scheduler_config.json says, of another class than the one that inverts.
nlohmann::json stable_diffusion() {
  return {{"_class_name", "PNDMScheduler"},
          {"beta_start", 0.00085},
          {"beta_end", 0.012},
          {"beta_schedule", "scaled_linear"},
          {"set_alpha_to_one", false},
          {"skip_prk_steps", true},
          {"steps_offset", 1},
          {"trained_betas", nullptr},
          {"clip_sample", false}};
}

constexpr InversionConvention diffusers = InversionConvention::diffusers,
                              guided_diffusion = InversionConvention::guided_diffusion;

class InversionTest : public ::testing::Test {
 protected:
  /// Reconstructions of images in double, or another type, in a world whose answer is known.
  double squared_error(InversionConvention convention, std::int64_t steps, at::ScalarType type = at::kDouble) const {
    const Inversion inversion = inversion_of_config(stable_diffusion(), "test", convention, steps);
    const at::Tensor x = images.to(type);
    const at::Tensor back = inversion.sample(world, {}, inversion.invert(world, {}, x));
    return (back - x).square().mean().item<double>();
  }

  NoiseSchedule schedule = schedule_of_config(stable_diffusion(), "test");
  GaussianMixture world{schedule, 3, 6, 0.35, 5};
  /// Images of that world, in double.
  at::Tensor drawn(std::int64_t count, std::uint64_t seed) const {
    const at::Tensor means = world.means().repeat({(count + 2) / 3, 1}).narrow(0, 0, count);
    return (means + 0.35 * normal({count, 6}, seed).to(at::kDouble)).view({count, 6, 1, 1});
  }
  at::Tensor images = drawn(8, 3);
};

// Both ways are of first order: twice the steps quarter the squared error, +6 dB of PSNR.
TEST_F(InversionTest, ReconstructsTheExactWorldBetterWithMoreSteps) {
  for (const InversionConvention convention : {diffusers, guided_diffusion}) {
    double before = 0.1;
    for (const std::int64_t steps : {10, 20, 50, 100, 200, 500}) {
      const double error = squared_error(convention, steps);
      EXPECT_LT(error, 0.6 * before) << name_of(convention, inversion_convention_names) << " " << steps;
      before = error;
    }
    EXPECT_LT(before, squared_error(convention, 50) / 25);
    EXPECT_NEAR(squared_error(convention, 50, at::kFloat), squared_error(convention, 50), 1e-3 * before + 1e-6);
  }
}

TEST_F(InversionTest, EndsInNoise) {
  for (const InversionConvention convention : {diffusers, guided_diffusion}) {
    const at::Tensor noise =
        inversion_of_config(stable_diffusion(), "test", convention, 200).invert(world, {}, drawn(300, 4));
    // 1,800 numbers: their mean square has a standard error of 0.033, their mean one of 0.024.
    EXPECT_NEAR(noise.square().mean().item<double>(), 1, 0.2);
    EXPECT_NEAR(noise.mean().item<double>(), 0, 0.15);
  }
}

/// The same noise, whatever it is asked.
class Constant : public Denoiser {
 public:
  explicit Constant(at::Tensor eps) : eps_(std::move(eps)) {}
  at::Tensor predict(const at::Tensor& /*x*/, const at::Tensor& t, const Condition& /*condition*/) const override {
    told.push_back(t[0].item<std::int64_t>());
    return eps_;
  }
  std::int64_t condition_size() const override { return 0; }
  mutable std::vector<std::int64_t> told;

 private:
  at::Tensor eps_;
};

TEST_F(InversionTest, OfAConstantPredictionComesBackExactly) {
  const Constant constant(normal({2, 3, 4, 4}, 1).to(at::kDouble));
  const at::Tensor x = normal({2, 3, 4, 4}, 2).to(at::kDouble);
  for (const InversionConvention convention : {diffusers, guided_diffusion})
    for (const std::int64_t steps : {2, 50}) {
      const Inversion inversion = inversion_of_config(stable_diffusion(), "test", convention, steps);
      EXPECT_LT(max_abs_difference(inversion.sample(constant, {}, inversion.invert(constant, {}, x)), x), 1e-12);
    }
}

TEST_F(InversionTest, TellsTheTimeStepsOfItsConvention) {
  const at::Tensor x = normal({1, 1, 2, 2}, 2);
  const auto told = [&](InversionConvention convention, bool back) {
    const Constant constant(x);
    const Inversion inversion = inversion_of_config(stable_diffusion(), "test", convention, 50);
    back ? inversion.sample(constant, {}, x) : inversion.invert(constant, {}, x);
    return constant.told;
  };
  std::vector<std::int64_t> up, down;
  for (std::int64_t t = 1; t <= 981; t += 20) up.push_back(t);
  EXPECT_EQ(told(diffusers, false), up);
  EXPECT_EQ(told(diffusers, true), std::vector(up.rbegin(), up.rend()));
  up.clear();
  for (std::int64_t t = 0; t <= 960; t += 20) up.push_back(t);
  for (std::int64_t t = 980; t >= 20; t -= 20) down.push_back(t);
  EXPECT_EQ(told(guided_diffusion, false), up);
  EXPECT_EQ(told(guided_diffusion, true), down);

  const Inversion of_diffusers = inversion_of_config(stable_diffusion(), "test", diffusers, 50);
  EXPECT_EQ(of_diffusers.steps().front().alpha_bar, schedule.alpha_bar[0]);
  EXPECT_EQ(of_diffusers.steps().front().alpha_bar_next, schedule.alpha_bar[1]);
  EXPECT_EQ(Inversion(schedule, {.steps = 50}).steps().front().alpha_bar, 1.0) << "diffusers' own default";
}

// The schedulers have diffusers' own numbers (tests/bench/parity: sched).
TEST_F(InversionTest, TakesTheStepsOfDiffusersSchedulers) {
  const Inversion inversion = inversion_of_config(stable_diffusion(), "test", diffusers, 30);
  const auto walked = [&](const char* name, const at::Tensor& x) {
    ClassifierFreeGuidance unguided;
    const SchedulerSampler sampler([&] { return scheduler_of_config(stable_diffusion(), "test", name); }, 30);
    return sampler.sample(world, unguided, x);
  };
  const at::Tensor noise = inversion.invert(world, {}, images);
  EXPECT_LT(max_abs_difference(noise, walked("ddim_inverse", images)), 1e-12);
  EXPECT_LT(max_abs_difference(inversion.sample(world, {}, noise), walked("ddim", noise)), 1e-12);
}

// The process has guided-diffusion's own numbers (tests/bench/parity: diffusion.gaussian).
TEST_F(InversionTest, TakesTheStepsOfGuidedDiffusion) {
  const NoiseSchedule linear = make_noise_schedule("linear", 1000);
  const GaussianMixture there(linear, 3, 6, 0.35, 5);
  const GaussianProcess process(linear, {.respacing = "ddim25"});
  const Inversion inversion(linear, {.convention = guided_diffusion, .steps = 25});
  const auto predicted = [&](const at::Tensor& x, const at::Tensor& t) {
    return process.p_mean_variance(there.predict(x, process.model_timesteps(t), {}), x, t, false);
  };
  at::Tensor x = images;
  for (std::int64_t i = 0; i + 1 < process.steps(); ++i) {
    const at::Tensor t = at::full({8}, i, at::kLong);
    x = process.ddim_reverse_sample(predicted(x, t), x, t);
  }
  const at::Tensor noise = inversion.invert(there, {}, images);
  EXPECT_LT(max_abs_difference(noise, x), 1e-9);
  for (std::int64_t i = process.steps() - 1; i > 0; --i) {
    const at::Tensor t = at::full({8}, i, at::kLong);
    x = process.ddim_sample(predicted(x, t), x, t, 0, {});
  }
  EXPECT_LT(max_abs_difference(inversion.sample(there, {}, noise), x), 1e-9);
}

/// The exact world, saying x0 or v.
class Saying : public Denoiser {
 public:
  Saying(const GaussianMixture& world, const NoiseSchedule& schedule, Prediction prediction)
      : world_(world), schedule_(schedule), prediction_(prediction) {}
  at::Tensor predict(const at::Tensor& x, const at::Tensor& t, const Condition& condition) const override {
    const double a = schedule_.alpha_bar[static_cast<std::size_t>(t[0].item<std::int64_t>())];
    const at::Tensor eps = world_.predict(x, t, condition);
    const at::Tensor x0 = (x - std::sqrt(1 - a) * eps) / std::sqrt(a);
    return prediction_ == Prediction::sample ? x0 : std::sqrt(a) * eps - std::sqrt(1 - a) * x0;
  }
  Prediction prediction() const override { return prediction_; }
  std::int64_t condition_size() const override { return 0; }

 private:
  const GaussianMixture& world_;
  const NoiseSchedule& schedule_;
  Prediction prediction_;
};

TEST_F(InversionTest, TakesNetworksThatPredictXOrV) {
  const Inversion inversion(schedule, {.convention = guided_diffusion, .steps = 50});
  const at::Tensor noise = inversion.invert(world, {}, images);
  for (const Prediction prediction : {Prediction::sample, Prediction::v_prediction}) {
    const Saying other(world, schedule, prediction);
    const at::Tensor found = inversion.invert(other, {}, images);
    EXPECT_LT(max_abs_difference(found, noise), 1e-6);
    EXPECT_LT(max_abs_difference(inversion.sample(other, {}, found), inversion.sample(world, {}, noise)), 1e-6);
  }
  const Saying x0(world, schedule, Prediction::sample);
  EXPECT_THAT(message_of<InputError>([&] { Inversion(schedule, {.steps = 50}).invert(x0, {}, images); }),
              HasSubstr("accepted: set_alpha_to_one false"));
}

TEST(InversionOfATextModel, ReconstructsBetterWithMoreSteps) {
  const at::NoGradGuard no_grad;
  const auto model = test::small_text_to_image(true);
  // An untrained network answers with something else at every step: with less of it a step is short enough to be
  // compared with one that is four times as long.
  for (const Parameter& parameter : model->parameters().all())
    if (parameter.name.starts_with("unet.conv_out.")) parameter.value.mul_(0.1);
  const at::Tensor x = normal({2, 4, 4, 4}, 5);
  const Condition empty = Condition::of_text(model->states({"", ""}));
  for (const InversionConvention convention : {diffusers, guided_diffusion}) {
    double before = 0.1;  // of images whose mean square is 1
    for (const std::int64_t steps : {8, 32}) {
      const Inversion inversion = inversion_of_config(stable_diffusion(), "test", convention, steps);
      const at::Tensor back = inversion.sample(*model, empty, inversion.invert(*model, empty, x));
      const double error = (back - x).square().mean().item<double>();
      EXPECT_LT(error, before / 2) << name_of(convention, inversion_convention_names) << " " << steps;
      before = error;
    }
  }
}

TEST(InversionOfATextModel, ShowsEachStepAndIsObservedWithoutAChange) {
  const auto model = test::small_text_to_image(true);
  const at::Tensor x = normal({2, 4, 4, 4}, 5);
  const Condition empty = Condition::of_text(model->states({"", ""}).detach());
  for (const InversionConvention convention : {diffusers, guided_diffusion}) {
    const Inversion inversion = inversion_of_config(model->config().scheduler, "small", convention, 5);
    FeatureTaps taps({"up_blocks.1"}, {0, 3}, 2);
    std::int64_t shown = 0;
    at::Tensor last;
    const at::Tensor noise =
        inversion.invert(ObservedDenoiser(*model, taps), empty, x, [&](std::int64_t step, const at::Tensor& now) {
          EXPECT_EQ(step, shown++);
          last = now;
        });
    EXPECT_THAT(inversion.steps(), SizeIs(shown));
    EXPECT_TRUE(same_bits(last, noise));
    EXPECT_TRUE(same_bits(inversion.invert(*model, empty, x), noise));
    EXPECT_FALSE(noise.requires_grad());
    EXPECT_GT(max_abs_difference(taps.features("up_blocks.1", 0), taps.features("up_blocks.1", 3)), 1e-6);
  }
}

TEST(InversionOfATextModel, TakesTheEmptyPromptWhereNothingIsSaid) {
  const auto model = test::small_text_to_image(true);
  const at::Tensor x = normal({2, 4, 4, 4}, 5);
  const Inversion inversion = inversion_of_config(model->config().scheduler, "small", diffusers, 5);
  const at::Tensor noise = inversion.invert(*model, Condition::of_text(model->states({"", ""}).detach()), x);
  EXPECT_LT(max_abs_difference(inversion.invert(*model, {}, x), noise), 1e-5);
}

TEST(Inversion, RefusesStepsThatTheProcessCannotGive) {
  const NoiseSchedule schedule = make_noise_schedule("linear", 1000);
  const auto refused = [&](const InversionOptions& options) {
    return message_of<InputError>([&] { Inversion(schedule, options); });
  };
  EXPECT_THAT(refused({.steps = 0}), HasSubstr("0 steps; accepted: 1 to 1000"));
  EXPECT_THAT(refused({.steps = 1000, .steps_offset = 1}), HasSubstr("time step 1000"));
  EXPECT_THAT(refused({.steps = 50, .spacing = Spacing::linspace}), HasSubstr("accepted: leading, trailing"));
  EXPECT_THAT(refused({.convention = guided_diffusion, .steps = 1}), HasSubstr("at least 2"));
  EXPECT_THAT(refused({.convention = guided_diffusion, .steps = 501}), HasSubstr("501"));
  nlohmann::json config = stable_diffusion();
  config["steps_offset"] = "one";
  EXPECT_THAT(message_of<InputError>([&] { inversion_of_config(config, "model/scheduler", diffusers, 50); }),
              AllOf(HasSubstr("model/scheduler"), HasSubstr("steps_offset")));
}

}  // namespace
}  // namespace assay
