#include "diffusion/guidance/classifier_guidance.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/one_hot.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/error.h"
#include "diffusion/guidance/classifier_free.h"
#include "diffusion/guidance/entropy.h"
#include "diffusion/guidance/guidance_trace.h"
#include "diffusion/networks/gaussian_mixture.h"
#include "diffusion/sampling/adm_sampler.h"
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

/// The image is the logits.
class Identity : public Classifier {
 public:
  explicit Identity(std::int64_t classes) : classes_(classes) {}
  at::Tensor logits(const at::Tensor& x, const at::Tensor&) const override { return x.flatten(1); }
  std::int64_t classes() const override { return classes_; }

 private:
  std::int64_t classes_;
};

/// Logits (a, 0, ..., 0) as an image.
at::Tensor peaked(double a, std::int64_t classes, at::ScalarType type = at::kDouble) {
  at::Tensor x = at::zeros({1, classes, 1, 1}, type);
  x.select(1, 0).fill_(a);
  return x;
}

ClassifierGuidanceOptions with_eds(double scale, double floor = 0.0) {
  ClassifierGuidanceOptions o;
  o.scale = scale;
  o.entropy_scaling = true;
  o.entropy_floor = floor;
  return o;
}

// The analytic table of guidance.md 2.8: k = ln C / H, g = |e_y - p|, and k g for a wrong class.
TEST(EntropyScaling, HasTheAnalyticValues) {
  struct Row {
    double a, entropy, k, g, scaled, scaled_wrong;
  };
  const Identity classifier(1000);
  for (const Row& row : {Row{0, 6.907755, 1.000000, 9.994999e-1, 0.9994999, 0.9994999},
                         Row{5, 6.398536, 1.079584, 8.710898e-1, 0.9404144, 1.088050},
                         Row{7, 3.984550, 1.733635, 4.769441e-1, 0.8268470, 1.956098},
                         Row{10, 0.4782235, 14.44462, 4.340845e-2, 0.6270184, 19.98909},
                         Row{15, 4.888096e-3, 1413.179, 3.056559e-4, 0.4319466, 1998.232},
                         Row{20, 4.324085e-5, 159750.7, 2.060119e-6, 0.3291053, 225921.3},
                         Row{30, 2.897962e-9, 2.383659e9, 9.352943e-11, 0.2229423, 3.371004e9}}) {
    const at::Tensor x = peaked(row.a, 1000), t = indices({0});
    const EntropyScale eds = entropy_scale(x.flatten(1));
    EXPECT_NEAR(eds.entropy.item<double>() / row.entropy, 1, 1e-6) << row.a;
    EXPECT_NEAR(eds.scale.item<double>() / row.k, 1, 1e-6) << row.a;
    const auto norm = [&](std::int64_t label, const ClassifierGuidanceOptions& options) {
      return ClassifierGuidance(classifier, indices({label}), options).gradient(x, t).norm().item<double>();
    };
    EXPECT_NEAR(norm(0, {}) / row.g, 1, 1e-6) << row.a;
    EXPECT_NEAR(norm(0, with_eds(1)) / row.scaled, 1, 1e-6) << row.a;
    EXPECT_NEAR(norm(1, with_eds(1)) / row.scaled_wrong, 1, 1e-6) << row.a;
  }
}

TEST(EntropyScaling, IsTheIdentityForAUniformClassifierOfAnySize) {
  for (const std::int64_t classes : {2, 10, 1000})
    EXPECT_NEAR(entropy_scale(at::zeros({1, classes}, at::kDouble)).scale.item<double>(), 1.0, 1e-14);
}

TEST(EntropyScaling, CanKeepThePublishedConstant) {
  // ln 1000 over ln 10.
  EXPECT_NEAR(entropy_scale(at::zeros({1, 10}, at::kDouble), 0, std::log(1000.0)).scale.item<double>(), 3.0, 1e-14);
}

TEST(EntropyScaling, FloorBoundsTheScaleAndSaysWhere) {
  const at::Tensor logits = at::zeros({3, 1000}, at::kDouble);
  logits.select(1, 0).copy_(at::full({3}, 20.0, at::kDouble));
  logits[2].zero_();
  const EntropyScale eds = entropy_scale(logits, 1e-3);
  EXPECT_NEAR(eds.scale[0].item<double>(), 1e3, 1e-9);
  EXPECT_NEAR(eds.scale[2].item<double>(), 1.0, 1e-14);
  EXPECT_TRUE(eds.clamped[0].item<bool>());
  EXPECT_FALSE(eds.clamped[2].item<bool>());
}

TEST(EntropyScaling, FloorIsOfTheRelativeEntropy) {
  // H of 4.9e-3 nats (the table above) is 7.1e-4 of ln 1000.
  const at::Tensor logits = peaked(15, 1000).flatten(1);
  const EntropyScale below = entropy_scale(logits, 1e-3), above = entropy_scale(logits, 7e-4);
  EXPECT_TRUE(below.clamped.item<bool>());
  EXPECT_NEAR(below.scale.item<double>(), 1e3, 1e-9);
  EXPECT_FALSE(above.clamped.item<bool>());
}

TEST(EntropyConstraint, IsTheDivergenceFromUniform) {
  const at::Tensor logits = at::zeros({2, 4}, at::kDouble);
  logits.select(1, 1).fill_(std::log(5.0));  // p = 5/8 and three of 1/8
  const EntropyConstraint terms = entropy_constraint(logits, indices({1, 0}), 0.5);
  const double h = 0.625 * std::log(1.6) + 0.375 * std::log(8.0);
  EXPECT_NEAR(terms.gap[0].item<double>(), std::log(4.0) - h, 1e-14);
  EXPECT_NEAR(terms.cross_entropy[0].item<double>(), std::log(1.6), 1e-14);
  EXPECT_NEAR(terms.loss[1].item<double>(), std::log(8.0) + 0.5 * (std::log(4.0) - h), 1e-14);
}

TEST(ClassifierGuidance, GradientIsThatOfTheLogProbability) {
  // Of a linear map, by hand: W^T (e_y - p), times gamma.
  class Linear : public Classifier {
   public:
    at::Tensor logits(const at::Tensor& x, const at::Tensor& t) const override {
      return at::matmul(x.flatten(1), weight) * (1 + t.to(at::kFloat).unsqueeze(1));
    }
    std::int64_t classes() const override { return 5; }
    at::Tensor weight = normal({12, 5}, 1);
  };
  const Linear classifier;
  const at::Tensor x = normal({3, 3, 2, 2}, 2), labels = indices({4, 0, 2}), t = indices({0, 1, 3});
  ClassifierGuidanceOptions options;
  options.scale = 2.5;
  const at::Tensor got = ClassifierGuidance(classifier, labels, options).gradient(x, t);
  const at::Tensor p = at::softmax(classifier.logits(x, t), 1);
  const at::Tensor want =
      2.5 * at::matmul((at::one_hot(labels, 5).to(at::kFloat) - p) * (1 + t.to(at::kFloat).unsqueeze(1)),
                       classifier.weight.t());
  EXPECT_EQ(got.sizes(), x.sizes());
  EXPECT_LT(max_abs_difference(got.flatten(1), want), 1e-5);
  EXPECT_FALSE(got.requires_grad());
}

TEST(ClassifierGuidance, LeavesTheWeightsOfTheClassifierAlone) {
  class Weighted : public Classifier {
   public:
    Weighted() { weight.set_requires_grad(true); }
    at::Tensor logits(const at::Tensor& x, const at::Tensor&) const override {
      return at::matmul(x.flatten(1), weight);
    }
    std::int64_t classes() const override { return 3; }
    at::Tensor weight = normal({4, 3}, 1);
  };
  const Weighted classifier;
  ClassifierGuidance(classifier, indices({1}), {}).gradient(normal({1, 1, 2, 2}, 3), indices({0}));
  EXPECT_FALSE(classifier.weight.grad().defined());
}

TEST(ClassifierGuidance, FaithfulModeNamesStepAndSampleWhereTheEntropyIsNought) {
  // A margin of 200 leaves no other float32 probability above zero: k = inf, g = 0, k g = NaN.
  const Identity classifier(10);
  at::Tensor x = at::zeros({3, 10, 1, 1});
  const at::Tensor labels = indices({0, 0, 0});
  ClassifierGuidance guidance(classifier, labels, with_eds(1.0), 100);
  guidance.gradient(x, indices({40, 40, 40}));
  x[1].select(0, 0).fill_(200);
  EXPECT_THAT(message_of<Error>([&] {
                guidance.gradient(x, indices({36, 36, 36}));
              }),
              AllOf(HasSubstr("sample 101"), HasSubstr("step 1 "), HasSubstr("timestep 36"), HasSubstr("k = inf"),
                    HasSubstr("entropy_floor")));
}

TEST(ClassifierGuidance, SafeModeFinishesAndCounts) {
  const Identity classifier(10);
  at::Tensor x = at::zeros({4, 10, 1, 1});
  x[1].select(0, 0).fill_(200);                                      // right and sure: clamped, gradient 0
  x[2].select(0, 1).fill_(200);                                      // wrong and sure: clamped, large
  x[3].select(0, 0).fill_(std::numeric_limits<float>::quiet_NaN());  // broken
  ClassifierGuidance guidance(classifier, indices({0, 0, 0, 0}), with_eds(2.0, 1e-6), 7);
  const at::Tensor g = guidance.gradient(x, indices({5, 5, 5, 5}));
  EXPECT_TRUE(same_bits(g[1], at::zeros({10, 1, 1})));
  EXPECT_NEAR(g[2].norm().item<double>(), 2e6 * std::sqrt(2.0), 1.0);
  EXPECT_TRUE(same_bits(g[3], at::zeros({10, 1, 1})));
  const GuidanceEvents& events = guidance.events();
  EXPECT_EQ(events.steps, 1);
  EXPECT_EQ(events.samples, 4);
  EXPECT_EQ(events.clamped, 2);
  EXPECT_EQ(events.above_1e4, 2);
  EXPECT_EQ(events.non_finite, 1);
  EXPECT_EQ(events.confidently_wrong, 1);
  EXPECT_NEAR(events.largest_k, 1e6, 1e-1);
  ASSERT_TRUE(events.first_non_finite.has_value());
  EXPECT_EQ(events.first_non_finite->sample, 10);
  EXPECT_EQ(events.first_non_finite->timestep, 5);
}

TEST(ClassifierGuidance, CountsScalesAbove1e4AndWrongClassesAbove0Point9) {
  const auto events = [](double a, std::int64_t classes, std::int64_t label) {
    const Identity classifier(classes);
    ClassifierGuidance guidance(classifier, indices({label}), with_eds(1, 1e-9));
    guidance.gradient(peaked(a, classes), indices({0}));
    return guidance.events();
  };
  // k of the table above: 1413 and 159751.
  EXPECT_EQ(events(15, 1000, 0).above_1e4, 0);
  EXPECT_EQ(events(20, 1000, 0).above_1e4, 1);
  // Of two classes p = 1 / (1 + exp(-a)).
  EXPECT_EQ(events(std::log(0.89 / 0.11), 2, 1).confidently_wrong, 0);
  EXPECT_EQ(events(std::log(0.91 / 0.09), 2, 1).confidently_wrong, 1);
  EXPECT_EQ(events(std::log(0.91 / 0.09), 2, 0).confidently_wrong, 0);
}

TEST(ClassifierGuidance, EventsOfBatchesAddUp) {
  GuidanceEvents a, b;
  a.samples = 8;
  a.largest_k = 3;
  b.samples = 4;
  b.largest_k = 5;
  b.first_non_finite = GuidanceEvents::Place{1, 40, 9};
  a += b;
  EXPECT_EQ(a.samples, 12);
  EXPECT_EQ(a.largest_k, 5);
  EXPECT_EQ(to_json(a).at("first_non_finite").at("sample"), 9);
}

TEST(ClassifierGuidance, RefusesBadInput) {
  const Identity classifier(10);
  const auto refused = [&](const at::Tensor& labels, const ClassifierGuidanceOptions& options) {
    return message_of<InputError>([&] { ClassifierGuidance(classifier, labels, options, 5); });
  };
  EXPECT_THAT(refused(indices({3, 10}), {}), AllOf(HasSubstr("class 10 of sample 6"), HasSubstr("has 10")));
  EXPECT_THAT(refused(indices({-1}), {}), HasSubstr("class -1"));
  EXPECT_THAT(refused(indices({0}), with_eds(std::numeric_limits<double>::quiet_NaN())), HasSubstr("scale nan"));
  EXPECT_THAT(refused(indices({0}), with_eds(1, 1.0)), HasSubstr("entropy_floor 1"));
  EXPECT_THAT(refused(indices({0}), with_eds(1, -0.5)), HasSubstr("entropy_floor -0.5"));
  ClassifierGuidance guidance(classifier, indices({0, 1}), {});
  EXPECT_THAT(message_of<InputError>([&] {
                guidance.gradient(at::zeros({3, 10, 1, 1}), indices({0, 0, 0}));
              }),
              HasSubstr("2 labels for 3 samples"));
}

TEST(GuidanceTrace, SumsUpBatchesByTimeStep) {
  GuidanceTrace trace;
  trace.add({0, 40, {1.0, 0.5}, {-1, -2}, {3, 4}, {5, 6}});
  trace.add({1, 0, {0.1}, {-1}, {1}, {2}});
  trace.add({0, 40, {0.0}, {-6}, {8}, {1}});
  const auto rows = trace.rows();
  ASSERT_THAT(rows, SizeIs(2));
  EXPECT_EQ(rows[0].timestep, 40);
  EXPECT_EQ(rows[0].samples, 3);
  EXPECT_DOUBLE_EQ(rows[0].relative_entropy.mean, 0.5);
  EXPECT_DOUBLE_EQ(rows[0].relative_entropy.median, 0.5);
  EXPECT_DOUBLE_EQ(rows[0].log_probability.mean, -3);
  EXPECT_DOUBLE_EQ(rows[0].log_probability.median, -2);
  EXPECT_DOUBLE_EQ(rows[0].gradient_norm.median, 4);
  EXPECT_DOUBLE_EQ(rows[1].scaled_norm.mean, 2);
}

TEST(GuidanceTrace, TakesTheMiddleOfTwoForAnEvenMedian) {
  GuidanceTrace trace;
  trace.add({0, 3, {4, 1, 2, 8}, {0, 0, 0, 0}, {0, 0, 0, 0}, {0, 0, 0, 0}});
  EXPECT_DOUBLE_EQ(trace.rows()[0].relative_entropy.median, 3);
}

struct World {
  NoiseSchedule schedule = make_noise_schedule("linear", 1000);
  GaussianMixture mixture{schedule, 4, 3, 0.4, 5};
  at::Tensor x = normal({6, 3, 1, 1}, 1).to(at::kDouble);
  at::Tensor labels = indices({0, 1, 2, 3, 0, 1});
  at::Tensor one_hot = at::one_hot(labels, 4).to(at::kDouble);
};

TEST(MixtureClassifier, TurnsTheUnconditionalScoreIntoTheConditionalOne) {
  // Bayes: grad ln p(x | y) = grad ln p(x) + grad ln p(y | x), at every noise.
  const World w;
  const MixtureClassifier classifier(w.mixture);
  for (const std::int64_t t : {0, 100, 500, 999}) {
    const at::Tensor times = at::full({6}, t, at::kLong);
    const double a = w.schedule.alpha_bar[static_cast<std::size_t>(t)];
    const at::Tensor g = ClassifierGuidance(classifier, w.labels, {}).gradient(w.x, times);
    EXPECT_EQ(g.scalar_type(), at::kDouble);
    EXPECT_LT(max_abs_difference(w.mixture.predict(w.x, times, {}) - std::sqrt(1 - a) * g,
                                 w.mixture.predict(w.x, times, w.one_hot)),
              1e-11)
        << t;
  }
}

TEST(MixtureClassifier, TemperingMultipliesTheLogits) {
  const World w;
  const at::Tensor times = at::full({6}, 300, at::kLong);
  EXPECT_LT(max_abs_difference(MixtureClassifier(w.mixture, 0.5).logits(w.x, times) * 2,
                               MixtureClassifier(w.mixture).logits(w.x, times)),
            1e-12);
  EXPECT_THAT(message_of<InputError>([&] { MixtureClassifier(w.mixture, 0.0); }), HasSubstr("tempering 0"));
}

/// 25 DDIM steps in the mixture's world, classifier-free weight w and classifier scale gamma.
at::Tensor ddim(const World& world, double weight, double gamma, bool twice = false) {
  GaussianProcessOptions options;
  options.respacing = "ddim25";
  const GaussianProcess process(world.schedule, options);
  const AdmSampler sampler(process, {.kind = AdmSampling::Kind::ddim, .clip = false});
  const MixtureClassifier classifier(world.mixture);
  ClassifierGuidanceOptions o;
  o.scale = twice ? gamma / 2 : gamma;
  ClassifierGuidance first(classifier, world.labels, o), second(classifier, world.labels, o);
  ClassifierFreeGuidance prediction(world.one_hot, weight);
  GuidanceSum sum(prediction);
  if (gamma != 0) sum.add(first);
  if (twice) sum.add(second);
  return sampler.sample(world.mixture, sum, world.x);
}

TEST(AdmSample, ClassifierAndClassifierFreeGuidanceAddUp) {
  const World world;
  const at::Tensor conditional = ddim(world, 1.0, 0.0), strong = ddim(world, 2.0, 0.0);
  EXPECT_EQ(conditional.scalar_type(), at::kDouble);
  EXPECT_LT(max_abs_difference(ddim(world, 0.0, 1.0), conditional), 1e-9);
  EXPECT_LT(max_abs_difference(ddim(world, 1.0, 1.0), strong), 1e-9);
  EXPECT_LT(max_abs_difference(ddim(world, 0.5, 1.5), strong), 1e-9);
  EXPECT_LT(max_abs_difference(ddim(world, 0.0, 2.0, true), strong), 1e-9);
  EXPECT_GT(max_abs_difference(strong, conditional), 1e-3);
}

/// A term that adds nothing.
class Nothing : public ScoreGuidance {
 public:
  using ScoreGuidance::gradient;
  at::Tensor gradient(const at::Tensor& x, const at::Tensor& /*timesteps*/) override { return at::zeros_like(x); }
};

TEST(AdmSample, FusedStepsAgreeWithTheStepsOfTheProcess) {
  // float32 without a term of the score takes the fused kernel; one that adds zero goes the long way.
  const World world;
  GaussianProcessOptions options;
  options.respacing = "ddim25";
  const GaussianProcess process(world.schedule, options);
  const auto noise = [](std::int64_t step) { return normal({6, 3, 1, 1}, 50 + static_cast<std::uint64_t>(step)); };
  for (const double eta : {0.0, 0.7})
    for (const double weight : {0.0, 1.0, 2.5}) {
      const AdmSampler sampler(process, {.kind = AdmSampling::Kind::ddim, .eta = eta});
      ClassifierFreeGuidance guidance(world.one_hot, weight);
      Nothing nothing;
      GuidanceSum with_nothing(guidance);
      with_nothing.add(nothing);
      const at::Tensor x = world.x.to(at::kFloat);
      EXPECT_LT(max_abs_difference(sampler.sample(world.mixture, guidance, x, noise),
                                   sampler.sample(world.mixture, with_nothing, x, noise)),
                1e-4)
          << "eta " << eta << ", w " << weight;
    }
}

/// A network whose outputs are constants: eps 0.1 without and 0.2 with a condition, v likewise -1 and 1.
class Constant : public Denoiser {
 public:
  at::Tensor predict(const at::Tensor& x, const at::Tensor&, const Condition& condition) const override {
    const double sign = condition.defined() ? 1 : -1;
    at::Tensor out = at::full({x.size(0), 2 * x.size(1), x.size(2), x.size(3)}, sign, x.options());
    out.narrow(1, 0, x.size(1)).fill_(0.15 + 0.05 * sign);
    return out;
  }
  std::int64_t condition_size() const override { return 1; }
  bool learned_variance() const override { return true; }
  bool has_null_condition() const override { return null; }
  bool null = true;
};

TEST(AdmSample, TakesTheVarianceOfTheConditionalBranch) {
  GaussianProcessOptions options;
  options.variance = VarianceType::learned_range;
  options.respacing = "2";
  const GaussianProcess process(make_noise_schedule("linear", 1000), options);
  const AdmSampler sampler(process, {.clip = false});
  ClassifierFreeGuidance guidance(at::full({1, 1}, 1.0), 2.0);
  const at::Tensor x = normal({1, 1, 2, 2}, 3), t = indices({1});
  std::vector<at::Tensor> seen;
  const auto noise = [](std::int64_t) { return at::full({1, 1, 2, 2}, 1.0); };
  sampler.sample(Constant(), guidance, x, noise,
                 [&](std::int64_t, const at::Tensor& sample) { seen.push_back(sample); });
  ASSERT_THAT(seen, SizeIs(2));
  // By hand: eps = -0.1 + 2 * 0.2, variance beta_1, noise 1.
  const auto& tables = process.tables();
  const double a = tables.alphas_cumprod[1];
  const at::Tensor x0 = (x - std::sqrt(1 - a) * 0.3) / std::sqrt(a);
  const at::Tensor want =
      tables.posterior_mean_coef1[1] * x0 + tables.posterior_mean_coef2[1] * x + std::sqrt(tables.betas[1]);
  EXPECT_LT(max_abs_difference(seen[0], want), 1e-3 * want.abs().max().item<double>());
}

TEST(AdmSample, RefusesWhatDoesNotFit) {
  const GaussianProcess plain(make_noise_schedule("linear", 1000), {});
  GaussianProcessOptions options;
  options.variance = VarianceType::learned_range;
  const GaussianProcess learned(make_noise_schedule("linear", 1000), options);
  const at::Tensor x = normal({1, 1, 2, 2}, 3), one = at::full({1, 1}, 1.0);
  ClassifierFreeGuidance conditional(one), strong(one, 2), unguided;
  const auto refused = [&](const GaussianProcess& process, const Denoiser& network, Guidance& guidance) {
    return message_of<InputError>([&] { AdmSampler(process, {}).sample(network, guidance, x); });
  };
  Constant network;
  EXPECT_THAT(refused(plain, network, conditional),
              HasSubstr("does not expect a learned variance, the network predicts"));
  EXPECT_THAT(message_of<InputError>([&] { AdmSampler(learned, {.eta = 1.5}); }), HasSubstr("eta 1.5"));
  network.null = false;
  const auto noise = [&](std::int64_t) { return x; };
  for (Guidance* guidance : {&strong, &unguided})
    EXPECT_THAT(message_of<InputError>([&] { AdmSampler(learned, {}).sample(network, *guidance, x, noise); }),
                HasSubstr("no null condition"));
  EXPECT_THAT(message_of<Error>([&] { AdmSampler(learned, {}).sample(network, conditional, x); }),
              HasSubstr("adds noise"));
}

}  // namespace
}  // namespace assay
