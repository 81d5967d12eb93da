#include "reproductions/ed_dpm/study.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/ones.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/philox.h"
#include "core/safetensors.h"
#include "diffusion/guidance/classifier_free.h"
#include "kernels/host_tensor.h"
#include "metrics/statistics/rank_correlation.h"
#include "reproductions/ed_dpm/algorithm/guided_draw.h"
#include "reproductions/ed_dpm/diagnosis.h"
#include "reproductions/ed_dpm/guidance_scores.h"
#include "reproductions/samples/sample_noise.h"
#include "reproductions/tiers.h"
#include "tests/diffusion/filled.h"
#include "tests/diffusion/golden.h"
#include "tests/reproductions/memory_run.h"
#include "tests/support/tensors.h"
#include "tests/support/throws.h"

namespace assay::ed_dpm {
namespace {

using test::max_abs_difference;
using test::MemoryRun;
using test::same_bits;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Ids = std::vector<std::int64_t>;

constexpr std::int64_t side = 4, class_count = 3;

/// eps, and for a class-conditional one a shade of the class; remembers what it was told.
class Shades : public Denoiser {
 public:
  explicit Shades(bool conditional) : conditional_(conditional) {}
  at::Tensor predict(const at::Tensor& x, const at::Tensor& /*timesteps*/, const Condition& condition) const override {
    told.push_back(condition.vector);
    const at::Tensor eps = 0.5 * x;
    return conditional_ ? eps + condition.vector.argmax(1).view({-1, 1, 1, 1}) * 0.1 : eps;
  }
  std::int64_t condition_size() const override { return conditional_ ? class_count : 0; }

  mutable std::vector<at::Tensor> told;

 private:
  bool conditional_;
};

/// Class c is the likelier, the brighter channel c is.
class Channels : public Classifier {
 public:
  at::Tensor logits(const at::Tensor& x, const at::Tensor& /*timesteps*/) const override { return x.mean({2, 3}); }
  std::int64_t classes() const override { return class_count; }
};

/// Channels until a call from which on nothing is left of its entropy.
class SureFrom : public Channels {
 public:
  explicit SureFrom(int call) : call_(call) {}
  at::Tensor logits(const at::Tensor& x, const at::Tensor& timesteps) const override {
    return Channels::logits(x, timesteps) * (++calls_ < call_ ? 1.0 : 1e6);
  }

 private:
  int call_;
  mutable int calls_ = 0;
};

class GuidedDraws : public ::testing::Test {
 protected:
  Drawn draw(const Ids& classes_asked, std::int64_t first, std::int64_t rows, double gamma, bool conditional = false,
             bool filled = false) {
    options.scale = gamma;
    const Shades& denoiser = conditional ? with_classes : plain;
    denoiser.told.clear();
    done.clear();
    return draw_guided(
        {process, denoiser, gamma == 0 ? nullptr : &classifier, sampling, options, side, {rows, filled}, 7, at::kCPU},
        classes_asked, first, [&](std::int64_t images) { done.push_back(images); });
  }
  static GaussianProcess three_steps() {
    GaussianProcessOptions o;
    o.variance = VarianceType::fixed_small;
    o.respacing = "3";
    return {make_noise_schedule("linear", 1000), o};
  }

  const GaussianProcess process = three_steps();
  const Shades plain{false}, with_classes{true};
  const Channels classifier{};
  AdmSampling sampling;  // DDPM, so that step noise plays its part
  ClassifierGuidanceOptions options;
  const Ids asked = {0, 2, 1, 2, 0};
  Ids done;
};

TEST_F(GuidedDraws, ASampleDependsOnItsNumberAndItsClassAlone) {
  const Drawn all = draw(asked, 10, 5, 50);
  ASSERT_EQ(all.bytes.sizes(), (Ids{5, 3, side, side}));
  EXPECT_TRUE(same_bits(draw(asked, 10, 2, 50).bytes, all.bytes));
  EXPECT_THAT(done, ElementsAre(2, 4, 5));
  EXPECT_TRUE(same_bits(draw({2, 0}, 13, 5, 50).bytes, all.bytes.narrow(0, 3, 2)));
  EXPECT_FALSE(same_bits(draw({2, 0}, 12, 5, 50).bytes, all.bytes.narrow(0, 3, 2)));
}

TEST_F(GuidedDraws, WithoutAClassifierAreTheSamplersOwnFromTheNoiseOfEachSample) {
  const auto noise = [](std::int64_t step) { return sample_noise(10, 5, {3, side, side}, 7, step); };
  ClassifierFreeGuidance unguided;
  const at::Tensor x = AdmSampler(process, sampling).sample(plain, unguided, noise(0), [&](std::int64_t step) {
    return noise(step + 1);
  });
  EXPECT_TRUE(same_bits(draw(asked, 10, 2, 0).bytes, to_bytes(x)));
}

TEST_F(GuidedDraws, BrightenTheChannelOfTheClassThatIsAskedFor) {
  const auto brightness = [](const Drawn& drawn) { return drawn.bytes.to(at::kDouble).mean({2, 3}); };
  const at::Tensor moved = brightness(draw(asked, 0, 5, 400)) - brightness(draw(asked, 0, 5, 0));
  for (std::int64_t i = 0; i < 5; ++i)
    EXPECT_EQ(moved[i].argmax().item<std::int64_t>(), asked[static_cast<std::size_t>(i)]) << moved[i];
}

TEST_F(GuidedDraws, TellAConditionalNetworkTheClassAndAnotherNothing) {
  draw(asked, 0, 3, 0, true);
  ASSERT_THAT(with_classes.told, SizeIs(6));  // two batches of three steps
  for (const std::size_t call : {0, 3}) {
    const at::Tensor& told = with_classes.told[call];
    EXPECT_TRUE(at::equal(told.sum(1), at::ones({told.size(0)})));
    for (std::int64_t i = 0; i < told.size(0); ++i)
      EXPECT_EQ(told[i].argmax().item<std::int64_t>(), asked[static_cast<std::size_t>(i) + call]);
  }
  draw(asked, 0, 3, 0);
  for (const at::Tensor& told : plain.told) EXPECT_FALSE(told.defined());
}

TEST_F(GuidedDraws, NameTheSampleWithoutGuidanceByItsNumberInTheArm) {
  const SureFrom fourth(4);  // the first step of the second batch, whose first sample is the third
  options.entropy_scaling = true;
  options.entropy_floor = 0;
  EXPECT_THAT(test::message_of<Error>([&] {
                draw_guided({process, plain, &fourth, sampling, options, side, {2}, 7, at::kCPU}, asked, 10,
                            [](std::int64_t) {});
              }),
              HasSubstr("of sample 12 is not finite at step 0"));
}

TEST_F(GuidedDraws, CountTheEventsOfAllBatches) {
  const GuidanceEvents events = draw(asked, 0, 2, 1).events;
  EXPECT_EQ(events.steps, 9);     // three batches of three steps
  EXPECT_EQ(events.samples, 15);  // five samples of three steps
  EXPECT_EQ(draw(asked, 0, 2, 0).events.samples, 0);
}

TEST_F(GuidedDraws, CountNoRowThatNobodyAskedFor) {
  const Drawn whole = draw(asked, 0, 5, 50), filled = draw(asked, 0, 4, 50, false, true);
  EXPECT_TRUE(same_bits(filled.bytes, whole.bytes));
  EXPECT_EQ(filled.events.samples, 15);  // five samples of three steps, not eight
  EXPECT_EQ(filled.events.confidently_wrong, whole.events.confidently_wrong);
}

TEST(GuidanceScores, AreSharesOfTheSampleStepsAndCountsOfTheRest) {
  GuidanceEvents events;
  events.samples = 200;
  events.clamped = 50;
  events.above_1e4 = 20;
  events.confidently_wrong = 8;
  events.non_finite = 3;
  events.largest_k = 12.5;
  StageOutput out;
  record_events("uncond/g", events, {{"gamma", 2}}, out);
  const auto value = [&](const std::string& name) {
    for (const Score& score : out.scores)
      if (score.name == name) {
        EXPECT_EQ(score.arm, "uncond/g");
        EXPECT_EQ(score.n, 200);
        EXPECT_EQ(score.params.at("gamma"), 2);
        return score.value;
      }
    ADD_FAILURE() << name;
    return 0.0;
  };
  EXPECT_EQ(value("share_clamped"), 0.25);
  EXPECT_EQ(value("share_k_above_1e4"), 0.1);
  EXPECT_EQ(value("share_confidently_wrong"), 0.04);
  EXPECT_EQ(value("non_finite"), 3);
  EXPECT_EQ(value("largest_k"), 12.5);
}

/// The smoke preset, small enough to train in a moment.
nlohmann::json tiny() {
  nlohmann::json config = method_preset("ed_dpm", Tier::smoke);
  config["dataset"] = {{"name", "shapes"}, {"size", 8}, {"count", 60}};
  for (const char* network : {"unet", "classifier"}) {
    config[network]["image_size"] = 8;
    config[network]["channel_mult"] = {1};
    config[network]["attention_resolutions"] = nlohmann::json::array();
  }
  for (const char* training : {"train", "classifier_train"}) {
    config[training]["steps"] = 2;
    config[training]["batch"] = 4;
  }
  config["diagnosed_images"] = 7;
  config["sample"]["batch"] = 5;
  config["sample"]["respacing"] = "ddim25";
  return config;
}

TEST(Networks, OfDiffusionAreTheAveragesOfATrainingThatIsDoneOnce) {
  MemoryRun run(tiny(), 2);
  Study s(run, read_config(run.config()));
  const auto plain = diffusion_network(s, Diffusion::unconditional),
             conditional = diffusion_network(s, Diffusion::conditional);
  EXPECT_EQ(plain->condition_size(), 0);
  EXPECT_EQ(conditional->condition_size(), static_cast<std::int64_t>(run.dataset().groups().size()));
  EXPECT_TRUE(plain->learned_variance());
  for (const auto& [name, net] : {std::pair("uncond", plain.get()), std::pair("cond", conditional.get())}) {
    const StageOutput& stage = run.stages.at(std::string("train:") + name);
    ASSERT_THAT(stage.timings, SizeIs(1));
    EXPECT_EQ(stage.timings[0].items, 2 * 4);
    EXPECT_THAT(stage.notes, IsEmpty());
    ASSERT_THAT(stage.artifacts, SizeIs(1));
    EXPECT_EQ(stage.artifacts[0].meta.at("parameters"), net->parameters().trainable_count());
    const SafetensorsFile file(stage.artifacts[0].file);
    EXPECT_TRUE(same_bits(test::weight(*net, "out.2.bias"), tensor_of(file, "ema.out.2.bias")));
    EXPECT_FALSE(same_bits(test::weight(*net, "out.2.bias"), tensor_of(file, "model.out.2.bias")));
  }
  // A second run of the same seed on the same files would train nothing.
  run.stages.clear();
  const auto again = diffusion_network(s, Diffusion::unconditional);
  EXPECT_TRUE(same_bits(again->parameters().flat(), plain->parameters().flat()));
  EXPECT_THAT(run.stages.at("train:uncond").notes, Contains(HasSubstr("taken from the cache")));
  EXPECT_THAT(run.stages.at("train:uncond").timings, IsEmpty());
}

TEST(Networks, OfTheClassifierDifferByTheConstraintAlone) {
  MemoryRun run(tiny(), 2);
  Study s(run, read_config(run.config()));
  const auto plain = noisy_classifier(s, 0.0), constrained = noisy_classifier(s, 0.5);
  EXPECT_TRUE(run.stages.contains("train:classifier"));
  EXPECT_TRUE(run.stages.contains("train:classifier_ect"));
  EXPECT_EQ(plain->classes(), s.classes);
  EXPECT_EQ(to_json(plain->config()), to_json(constrained->config()));
  EXPECT_GT(max_abs_difference(plain->parameters().flat(), constrained->parameters().flat()), 0);
}

class Diagnosis : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    run = std::make_unique<MemoryRun>(tiny(), 2);
    Study s(*run, read_config(run->config()));
    EncoderUNetConfig config = s.config.classifier;
    config.out_channels = s.classes;
    EncoderUNet classifier(config), other(config);
    test::fill(classifier, 1);
    other.parameters().materialise(1);
    other.parameters().flat().zero_();  // every class alike
    diagnose(s, classifier, other);
    steps = sampling_process(s.config).timestep_map();
    std::sort(steps.rbegin(), steps.rend());
    expected_entropy = relative_entropy(s, classifier, steps.back());
  }
  static void TearDownTestSuite() { run.reset(); }

  /// H / ln C of the images at t, from the definitions.
  static double relative_entropy(const Study& s, const EncoderUNet& classifier, std::int64_t t) {
    at::NoGradGuard no_grad;
    RandomStream random(run->seed(), Purpose::order, std::uint64_t{1} << 50);
    Ids order = permutation(s.validation.images.size(0), random);
    order.resize(7);
    const double a = s.config.schedule.alpha_bar[static_cast<std::size_t>(t)];
    const at::Tensor noise = sample_noise(std::int64_t{1} << 50, 7, {3, 8, 8}, run->seed(), t);
    const at::Tensor x = std::sqrt(a) * rows_of(s.validation.images, order) + std::sqrt(1 - a) * noise;
    const at::Tensor p = classifier.logits(x, test::indices(Ids(7, t))).to(at::kDouble).softmax(1);
    return (-(p * p.log()).sum(1)).mean().item<double>() / std::log(static_cast<double>(s.classes));
  }
  static std::vector<double> along(const std::string& arm, const std::string& name) {
    std::vector<double> values;
    for (const std::int64_t t : steps) values.push_back(run->score("diagnosis", arm, name, {{"t", t}}).value);
    return values;
  }
  static double once(const std::string& arm, const std::string& name) {
    return run->score("diagnosis", arm, name).value;
  }

  static inline std::unique_ptr<MemoryRun> run;
  static inline Ids steps;  // the noisiest first
  static inline double expected_entropy = 0;
};

TEST_F(Diagnosis, SeesTheEntropyOfNoisedHeldOutImages) {
  ASSERT_THAT(steps, SizeIs(25));
  EXPECT_NEAR(along("classifier", "relative_entropy").back(), expected_entropy, 1e-5);
  EXPECT_EQ(run->score("diagnosis", "classifier", "relative_entropy", {{"t", steps[0]}}).n, 7);
  std::vector<double> t(steps.begin(), steps.end());
  EXPECT_NEAR(once("classifier", "spearman_t_entropy"), spearman(t, along("classifier", "relative_entropy")), 1e-12);
}

TEST_F(Diagnosis, ComparesTheLastTenthOfTheStepsWithThePeakOfTheGradient) {
  const auto ratio = [](const std::vector<double>& norms) {
    // A tenth of 25 steps are two, whose median is their mean.
    return (norms[23] + norms[24]) / 2 / *std::max_element(norms.begin(), norms.end());
  };
  const double plain = ratio(along("classifier", "gradient_norm")),
               scaled = ratio(along("classifier_eds", "gradient_norm"));
  EXPECT_NEAR(once("classifier", "gradient_ratio"), plain, 1e-12);
  EXPECT_NEAR(once("classifier_eds", "gradient_ratio"), scaled, 1e-12);
  EXPECT_NEAR(once("classifier_eds", "gradient_ratio_gain"), scaled / plain, 1e-12);
  for (std::size_t i = 0; i < steps.size(); ++i)
    EXPECT_GE(along("classifier_eds", "gradient_norm")[i], along("classifier", "gradient_norm")[i]);
}

TEST_F(Diagnosis, OfAClassifierThatKnowsNothingIsTheUniformOne) {
  for (const double h : along("classifier_ect", "relative_entropy")) EXPECT_NEAR(h, 1, 1e-6);
  for (const double g : along("classifier_ect", "gradient_norm")) EXPECT_EQ(g, 0);
  EXPECT_EQ(once("classifier_ect", "gradient_ratio"), 0);
  for (const char* quarter : {"0", "1", "2", "3"}) {
    EXPECT_NEAR(once("classifier_ect", std::string("entropy_q") + quarter), 1, 1e-6);
    EXPECT_LT(once("classifier", std::string("entropy_q") + quarter), 1);
    // Seven images, four draws of each quarter.
    EXPECT_EQ(run->score("diagnosis", "classifier", std::string("accuracy_q") + quarter).n, 28);
  }
}

}  // namespace
}  // namespace assay::ed_dpm
