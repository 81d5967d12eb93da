#include "diffusion/sampling/sampler.h"

#include <ATen/TensorOperators.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "core/error.h"
#include "diffusion/guidance/interval.h"
#include "diffusion/guidance/score_guidance.h"
#include "diffusion/process/noise_schedule.h"
#include "diffusion/sampling/adm_sampler.h"
#include "diffusion/sampling/make_sampler.h"
#include "diffusion/sampling/vp_sde.h"
#include "tests/support/tensors.h"
#include "tests/support/throws.h"

// What every sampler promises, whatever its steps are.

namespace assay {
namespace {

using test::max_abs_difference;
using test::message_of;
using test::normal;
using test::same_bits;
using test::values;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr std::int64_t steps = 10;

/// Counts its calls; eps depends on the condition.
class Counting : public Denoiser {
 public:
  at::Tensor predict(const at::Tensor& x, const at::Tensor& t, const Condition& condition) const override {
    ++(condition.defined() ? conditional : unconditional);
    const at::Tensor eps = 0.4 * x + (t.to(at::kFloat) / 2000).view({-1, 1, 1, 1});
    return condition.defined() ? eps + 0.1 * condition.vector.view({-1, 1, 1, 1}) : eps;
  }
  std::int64_t condition_size() const override { return 1; }
  mutable int conditional = 0, unconditional = 0;
};

/// A constant times x; remembers where it was asked.
class Term : public ScoreGuidance {
 public:
  explicit Term(double factor) : factor_(factor) {}
  using ScoreGuidance::gradient;
  at::Tensor gradient(const at::Tensor& x, const at::Tensor& /*timesteps*/) override {
    ++calls;
    return factor_ * x;
  }
  int calls = 0;

 private:
  double factor_;
};

/// The guidance that it stands for, and the noise levels at which it was asked.
class Recording : public Guidance {
 public:
  Branches predict(const Denoiser& denoiser, const SamplingPoint& point) const override {
    sigmas.push_back(point.sigma());
    return ClassifierFreeGuidance().predict(denoiser, point);
  }
  mutable std::vector<double> sigmas;
};

struct Kind {
  std::string name;
  std::unique_ptr<Sampler> (*make)();
  bool asks_twice_at_first = false;
};

template <SamplerKind kind>
std::unique_ptr<Sampler> of_kind() {
  DdimOptions options;
  options.steps = steps;
  return make_sampler(kind, make_noise_schedule("sqrt-linear", 1000), options);
}

template <AdmSampling::Kind kind>
std::unique_ptr<Sampler> of_adm() {
  GaussianProcessOptions options;
  options.variance = VarianceType::fixed_small;
  options.respacing = kind == AdmSampling::Kind::ddim ? "ddim10" : "10";
  return std::make_unique<AdmSampler>(GaussianProcess(make_noise_schedule("linear", 1000), options),
                                      AdmSampling{.kind = kind, .eta = 0.5});
}

std::unique_ptr<Sampler> of_u_vit() { return std::make_unique<EulerMaruyamaSampler>(steps); }

class EachSampler : public ::testing::TestWithParam<Kind> {
 protected:
  at::Tensor draw(const Denoiser& denoiser, Guidance& guidance) const {
    return sampler->sample(denoiser, guidance, x, noise);
  }
  at::Tensor draw(Guidance& guidance) const { return draw(Counting(), guidance); }
  int calls() const { return GetParam().asks_twice_at_first ? 11 : 10; }

  const std::unique_ptr<Sampler> sampler = GetParam().make();
  const StepNoise noise = [](std::int64_t i) { return normal({2, 3, 4, 4}, static_cast<std::uint64_t>(100 + i)); };
  const at::Tensor x = normal({2, 3, 4, 4}, 1), condition = values({1, -1}, {2, 1});
};

TEST_P(EachSampler, EvaluatesTheBranchesThatTheGuidanceNeeds) {
  struct Row {
    at::Tensor condition;
    double weight;
    int with, without;
  };
  for (const Row& row : {Row{condition, 0, 0, 1}, Row{condition, 1, 1, 0}, Row{condition, 2, 1, 1}, Row{{}, 0, 0, 1},
                         Row{{}, 1, 0, 1}, Row{{}, 2, 0, 1}}) {
    const Counting denoiser;
    ClassifierFreeGuidance guidance(row.condition, row.weight);
    draw(denoiser, guidance);
    EXPECT_EQ(denoiser.conditional, row.with * calls()) << row.weight;
    EXPECT_EQ(denoiser.unconditional, row.without * calls()) << row.weight;
  }
  EXPECT_EQ(sampler->steps(), steps);
}

TEST_P(EachSampler, WeightZeroIsUnconditionalAndWeightMatters) {
  ClassifierFreeGuidance zero(condition, 0), unguided({}, 2), one(condition, 1), two(condition, 2);
  EXPECT_TRUE(same_bits(draw(zero), draw(unguided)));
  EXPECT_GT(max_abs_difference(draw(one), draw(zero)), 1e-3);
  EXPECT_GT(max_abs_difference(draw(two), draw(one)), 1e-3);
}

TEST_P(EachSampler, DoesNotMixTheRowsOfABatch) {
  ClassifierFreeGuidance both(condition, 2), second(condition.narrow(0, 1, 1), 2);
  const at::Tensor alone = sampler->sample(Counting(), second, x.narrow(0, 1, 1),
                                           [&](std::int64_t i) { return noise(i).narrow(0, 1, 1).contiguous(); });
  EXPECT_LT(max_abs_difference(draw(both).narrow(0, 1, 1), alone), 1e-6 * alone.abs().max().item<double>() + 1e-6);
}

TEST_P(EachSampler, GuidesInsideAnIntervalAndIsConditionalOutside) {
  ClassifierFreeGuidance strong(condition, 2), conditional(condition, 1);
  IntervalGuidance everywhere(condition, 2, {0, 1e9}), nowhere(condition, 2, {1e6, 1e9}),
      limited(condition, 2, {0.5, 4});
  EXPECT_TRUE(same_bits(draw(everywhere), draw(strong)));
  EXPECT_TRUE(same_bits(draw(nowhere), draw(conditional)));
  Recording recording;
  draw(recording);
  int inside = 0;
  for (const double sigma : recording.sigmas) inside += sigma > 0.5 && sigma <= 4;
  const Counting denoiser;
  draw(denoiser, limited);
  EXPECT_EQ(denoiser.conditional, calls());
  EXPECT_EQ(denoiser.unconditional, inside);
  EXPECT_GT(inside, 0);
  EXPECT_LT(inside, calls());
}

TEST_P(EachSampler, AsksFromTheNoisiestLevelDown) {
  Recording recording;
  draw(recording);
  ASSERT_EQ(recording.sigmas.size(), static_cast<std::size_t>(calls()));
  EXPECT_GT(recording.sigmas.front(), 5);
  EXPECT_LT(recording.sigmas.back(), 0.5);
  for (std::size_t i = 1; i < recording.sigmas.size(); ++i) EXPECT_LE(recording.sigmas[i], recording.sigmas[i - 1]);
}

TEST_P(EachSampler, TakesTermsOfTheScore) {
  ClassifierFreeGuidance conditional(condition);
  Term nothing(0), pull(-0.2);
  GuidanceSum unmoved(conditional), moved(conditional);
  unmoved.add(nothing);
  moved.add(pull);
  const at::Tensor plain = draw(conditional);
  EXPECT_LT(max_abs_difference(draw(unmoved), plain), 1e-4 * plain.abs().max().item<double>());
  EXPECT_GT(max_abs_difference(draw(moved), plain), 1e-3);
  EXPECT_EQ(pull.calls, calls());
}

TEST_P(EachSampler, ShowsEveryStepAndEndsAtTheLast) {
  ClassifierFreeGuidance unguided;
  std::vector<at::Tensor> seen;
  const at::Tensor drawn =
      sampler->sample(Counting(), unguided, x, noise, [&](std::int64_t step, const at::Tensor& at_step) {
        EXPECT_EQ(step, static_cast<std::int64_t>(seen.size()));
        seen.push_back(at_step);
      });
  EXPECT_GE(seen.size(), static_cast<std::size_t>(steps));
  EXPECT_TRUE(same_bits(seen.back(), drawn));
  EXPECT_TRUE(drawn.isfinite().all().item<bool>());
}

TEST_P(EachSampler, RefusesToAddNoiseThatIsNotThere) {
  ClassifierFreeGuidance unguided;
  std::int64_t asked = 0;
  sampler->sample(Counting(), unguided, x, [&](std::int64_t i) {
    ++asked;
    return noise(i);
  });
  if (asked == 0) {
    EXPECT_NO_THROW(sampler->sample(Counting(), unguided, x));
  } else {
    EXPECT_THAT(message_of<Error>([&] { sampler->sample(Counting(), unguided, x); }),
                HasSubstr("step 0 adds noise, but none is given"));
  }
}

INSTANTIATE_TEST_SUITE_P(
    , EachSampler,
    ::testing::Values(Kind{"ddim", of_kind<SamplerKind::ddim>}, Kind{"ddpm", of_kind<SamplerKind::ddpm>},
                      Kind{"plms", of_kind<SamplerKind::plms>, true}, Kind{"pndm", of_kind<SamplerKind::pndm>, true},
                      Kind{"dpmpp_2m", of_kind<SamplerKind::dpmpp_2m>}, Kind{"euler", of_kind<SamplerKind::euler>},
                      Kind{"adm_ddpm", of_adm<AdmSampling::Kind::ddpm>},
                      Kind{"adm_ddim", of_adm<AdmSampling::Kind::ddim>}, Kind{"euler_maruyama", of_u_vit}),
    [](const auto& row) { return row.param.name; });

TEST(MakeSampler, KnowsItsNamesAndTheNearest) {
  for (const auto& [name, kind] : sampler_names) EXPECT_EQ(value_of("sampler", name, sampler_names), kind);
  EXPECT_THAT(message_of<InputError>([] { value_of("sampler", "dpm++", sampler_names); }),
              AllOf(HasSubstr("'dpm++'"), HasSubstr("dpm++2m")));
}

TEST(MakeSampler, RefusesOptionsThatASamplerCannotFollow) {
  const NoiseSchedule schedule = make_noise_schedule("linear", 1000);
  DdimOptions options;
  const auto refused = [&](SamplerKind kind) {
    return message_of<InputError>([&] { make_sampler(kind, schedule, options); });
  };
  options.eta = 0.5;
  EXPECT_THAT(refused(SamplerKind::plms), HasSubstr("accepted: 0"));
  options.eta = 0;
  options.steps = 1000;
  EXPECT_THAT(refused(SamplerKind::ddim), HasSubstr("step 1000"));
  EXPECT_THAT(refused(SamplerKind::pndm), HasSubstr("time step 1000"));
  options.steps = 1001;
  EXPECT_THAT(refused(SamplerKind::euler), HasSubstr("1 to 1000"));
}

TEST(MakeSampler, KeepsImagesInTheRangeWhereTheLastStepGivesAClippedImage) {
  for (const SamplerKind kind : {SamplerKind::dpmpp_2m, SamplerKind::ddpm}) {
    DdimOptions options;
    options.steps = steps;
    ClassifierFreeGuidance unguided;
    const at::Tensor drawn = make_sampler(kind, make_noise_schedule("sqrt-linear", 1000), options)
                                 ->sample(Counting(), unguided, normal({2, 3, 4, 4}, 1), [](std::int64_t i) {
                                   return normal({2, 3, 4, 4}, static_cast<std::uint64_t>(100 + i));
                                 });
    EXPECT_LE(drawn.abs().max().item<float>(), 1.0f + 1e-5f);
  }
}

}  // namespace
}  // namespace assay
