#include "diffusion/prediction.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <ATen/ops/isfinite.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "core/error.h"
#include "diffusion/guidance/classifier_free.h"
#include "diffusion/guidance/score_guidance.h"
#include "diffusion/process/beta_schedule.h"
#include "diffusion/sampling/ddim.h"
#include "diffusion/sampling/diffusers/make_scheduler.h"
#include "diffusion/sampling/scheduler_sampler.h"
#include "tests/support/tensors.h"
#include "tests/support/throws.h"

// A network may predict the noise, the image or v: what is drawn is the same.

namespace assay {
namespace {

using test::indices;
using test::max_abs_difference;
using test::message_of;
using test::normal;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr Prediction kinds[] = {Prediction::epsilon, Prediction::sample, Prediction::v_prediction};

TEST(Prediction, IsSplitIntoWhatItWasMadeOf) {
  const at::Tensor x0 = normal({2, 3, 2, 2}, 1), eps = normal({2, 3, 2, 2}, 2);
  const double root = std::sqrt(0.3), rest = std::sqrt(0.7);
  const at::Tensor roots = at::full({2, 1, 1, 1}, root, at::kFloat), rests = at::full({2, 1, 1, 1}, rest, at::kFloat);
  for (const Prediction kind : kinds) {
    const Predicted p = split(kind, prediction_target(kind, x0, eps, roots, rests), root * x0 + rest * eps, root, rest);
    EXPECT_LT(max_abs_difference(p.x0, x0), 1e-5) << name_of(kind, prediction_names);
    EXPECT_LT(max_abs_difference(p.eps, eps), 1e-5) << name_of(kind, prediction_names);
  }
}

/// The exact network of images that are normal with deviation s: x0 = a s^2 / (a s^2 + 1 - a) x / sqrt(a), in any
/// prediction type. It divides by nothing that is 0 without signal.
class Exact : public Denoiser {
 public:
  Exact(NoiseSchedule schedule, Prediction prediction) : schedule_(std::move(schedule)), prediction_(prediction) {}
  at::Tensor predict(const at::Tensor& x, const at::Tensor& timesteps, const Condition& /*condition*/) const override {
    const double a = schedule_.alpha_bar[static_cast<std::size_t>(timesteps.select(0, 0).item<std::int64_t>())];
    const double root = std::sqrt(a), rest = std::sqrt(1 - a), variance = a * square + 1 - a;
    const double x0 = root * square / variance, eps = rest / variance;
    switch (prediction_) {
      case Prediction::epsilon:
        return eps * x;
      case Prediction::sample:
        return x0 * x;
      case Prediction::v_prediction:
        return (root * eps - rest * x0) * x;
    }
    throw Error("unreachable");
  }
  std::int64_t condition_size() const override { return 0; }
  Prediction prediction() const override { return prediction_; }

  static constexpr double square = 0.25;  // s^2

 private:
  NoiseSchedule schedule_;
  Prediction prediction_;
};

at::Tensor drawn(Prediction prediction, const char* scheduler, bool without_signal) {
  nlohmann::json arguments = {{"prediction_type", name_of(prediction, prediction_names)},
                              {"timestep_spacing", "trailing"},
                              {"rescale_betas_zero_snr", without_signal}};
  if (std::string(scheduler) == "ddim") arguments["clip_sample"] = false;
  const SchedulerSampler sampler([&] { return make_scheduler(scheduler, arguments, "test"); }, 6);
  BetaScheduleOptions options;
  options.rescale_betas_zero_snr = without_signal;
  ClassifierFreeGuidance none;
  return sampler.sample(Exact(make_beta_schedule(options), prediction), none, normal({2, 3, 2, 2}, 5));
}

// PNDM mixes predictions of several steps, so there it does.
TEST(Prediction, ChangesNoImageOfASchedulerThatConvertsEachOne) {
  for (const char* scheduler : {"ddim", "dpm"}) {
    const at::Tensor images = drawn(Prediction::epsilon, scheduler, false);
    for (const Prediction kind : kinds)
      EXPECT_LT(max_abs_difference(drawn(kind, scheduler, false), images), 1e-5)
          << scheduler << ' ' << name_of(kind, prediction_names);
  }
}

TEST(Prediction, OfVStartsWithoutSignal) {
  for (const char* scheduler : {"ddim", "dpm", "euler"})
    EXPECT_TRUE(at::isfinite(drawn(Prediction::v_prediction, scheduler, true)).all().item<bool>()) << scheduler;
}

TEST(Prediction, IsConvertedForSamplersOfEps) {
  const NoiseSchedule schedule = make_beta_schedule({});
  const auto draw = [&](Prediction prediction) {
    ClassifierFreeGuidance none;
    DdimOptions options;
    options.steps = 5;
    options.clip = false;
    return DdimSampler(schedule, options).sample(Exact(schedule, prediction), none, normal({2, 3, 2, 2}, 5));
  };
  for (const Prediction kind : kinds)
    EXPECT_LT(max_abs_difference(draw(kind), draw(Prediction::epsilon)), 1e-4) << name_of(kind, prediction_names);
}

/// x times a factor.
class Pull : public ScoreGuidance {
 public:
  using ScoreGuidance::gradient;
  at::Tensor gradient(const at::Tensor& x, const at::Tensor& /*timesteps*/) override { return 0.5 * x; }
};

TEST(Prediction, IsMovedByATermOfTheScoreAsEpsIs) {
  const NoiseSchedule schedule = make_beta_schedule({});
  const double a = schedule.alpha_bar[500];
  const SamplingPoint point{normal({2, 3, 2, 2}, 5), indices({500, 500}), a};
  Pull pull;
  const at::Tensor eps = guided_eps(pull, Exact(schedule, Prediction::epsilon), point).mixed();
  for (const Prediction kind : kinds) {
    const at::Tensor output = guided_prediction(pull, Exact(schedule, kind), point);
    EXPECT_LT(max_abs_difference(split(kind, output, point.x, std::sqrt(a), std::sqrt(1 - a)).eps, eps), 1e-5)
        << name_of(kind, prediction_names);
  }
  const SamplingPoint nothing{point.x, point.timesteps, 0.0};
  EXPECT_THAT(
      message_of<InputError>([&] { guided_prediction(pull, Exact(schedule, Prediction::v_prediction), nothing); }),
      HasSubstr("alpha_bar 0"));
}

TEST(Prediction, IsReadFromASchedulersConfiguration) {
  EXPECT_EQ(read_prediction({{"prediction_type", "v_prediction"}}, "s"), Prediction::v_prediction);
  for (const nlohmann::json& unsaid : {nlohmann::json::object(), nlohmann::json{{"prediction_type", nullptr}}})
    EXPECT_EQ(read_prediction(unsaid, "s"), Prediction::epsilon);
  EXPECT_THAT(message_of<InputError>([] {
                read_prediction({{"prediction_type", "x0"}}, "m/s.json");
              }),
              AllOf(HasSubstr("m/s.json: unknown prediction_type 'x0'"), HasSubstr("v_prediction")));
  EXPECT_THAT(message_of<InputError>([] { read_prediction({{"prediction_type", 1}}, "s"); }), HasSubstr("a text"));
}

TEST(Prediction, MustBeTheSchedulers) {
  const SchedulerSampler sampler(
      [] {
        return make_scheduler("ddim", {{"prediction_type", "v_prediction"}}, "test");
      },
      3);
  ClassifierFreeGuidance none;
  const Exact network(make_beta_schedule({}), Prediction::epsilon);
  EXPECT_THAT(message_of<InputError>([&] {
                sampler.sample(network, none, normal({1, 3, 2, 2}, 5));
              }),
              AllOf(HasSubstr("v_prediction for a network that predicts epsilon"), HasSubstr("accepted: epsilon")));
}

}  // namespace
}  // namespace assay
