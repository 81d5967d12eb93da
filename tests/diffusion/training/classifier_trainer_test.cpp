#include "diffusion/training/classifier_trainer.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <stdexcept>

#include "core/error.h"
#include "core/file.h"
#include "core/safetensors.h"
#include "diffusion/guidance/entropy.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tensors.h"
#include "tests/support/throws.h"

namespace assay {
namespace {

using test::message_of;
using test::normal;
using test::same_bits;
using test::TemporaryFolder;
using ::testing::HasSubstr;

constexpr double never = 1e9;  // seconds between checkpoints

EncoderUNetConfig small() {
  EncoderUNetConfig c;
  c.image_size = 4;
  c.out_channels = 3;
  c.channel_mult = {1};
  c.attention_resolutions = {};
  c.num_head_channels = 32;
  c.dropout = 0.1;
  c.pool = "attention";
  return c;
}

/// Three classes told apart by which channel is bright.
LabelledSet small_set(std::int64_t per_class = 3) {
  LabelledSet set;
  set.images = at::full({3 * per_class, 3, 4, 4}, -0.8);
  for (std::int64_t i = 0; i < 3 * per_class; ++i) {
    set.images[i][i % 3].fill_(0.8);
    set.labels.push_back(i % 3);
  }
  set.images += 0.1 * normal(set.images.sizes(), 5);
  return set;
}

ClassifierTrainOptions short_training() {
  ClassifierTrainOptions o;
  o.steps = 10;
  o.batch = 4;
  o.learning_rate = 1e-3;
  o.entropy_weight = 0.1;
  o.flip = true;
  return o;
}

struct Stop : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class ClassifierTraining : public ::testing::Test {
 protected:
  ClassifierTrainReport run(const std::string& name, const ClassifierTrainOptions& options, std::uint64_t seed = 3,
                            std::uint64_t initial = 1, double checkpoint_seconds = never,
                            const std::function<void(std::int64_t, double)>& progress = {}) {
    EncoderUNet network(small());
    network.parameters().materialise(initial);
    return train_classifier(network, schedule, small_set(), options, seed, folder / name, "what was trained",
                            checkpoint_seconds, progress);
  }
  std::string bytes(const std::string& name) const { return read_file(folder / name); }

  TemporaryFolder folder;
  NoiseSchedule schedule = make_noise_schedule("linear", 1000);
};

TEST_F(ClassifierTraining, ResumedGivesTheBitsOfAnUninterruptedRun) {
  const ClassifierTrainReport whole = run("whole", short_training());
  EXPECT_EQ(whole.first_step, 0);
  EXPECT_EQ(whole.steps, 10);
  const auto stop_after = [](std::int64_t last) {
    return [last](std::int64_t step, double) {
      if (step == last) throw Stop("here");
    };
  };
  EXPECT_THROW(run("parts", short_training(), 3, 1, 0.0, stop_after(2)), Stop);
  EXPECT_FALSE(std::filesystem::exists(folder / "parts"));
  // The second process starts from other weights: all that matters must come from the file. It stops inside the last
  // tenth.
  EXPECT_THROW(run("parts", short_training(), 3, 99, 0.0, stop_after(9)), Stop);
  const ClassifierTrainReport rest = run("parts", short_training(), 3, 77);
  EXPECT_EQ(rest.first_step, 9);
  EXPECT_EQ(rest.steps, 1);
  EXPECT_EQ(rest.loss, whole.loss);
  for (std::size_t q = 0; q < 4; ++q) {
    EXPECT_EQ(rest.last[q].count, whole.last[q].count);
    EXPECT_EQ(rest.last[q].entropy, whole.last[q].entropy);
  }
  EXPECT_TRUE(bytes("whole") == bytes("parts"));
  EXPECT_FALSE(std::filesystem::exists(folder / "parts.partial"));
}

TEST_F(ClassifierTraining, LeavesANetworkThatPredictsTheBitsOfOneReadFromItsFile) {
  EncoderUNet trained(small()), read(small());
  trained.parameters().materialise(1);
  read.parameters().materialise(2);
  train_classifier(trained, schedule, small_set(), short_training(), 3, folder / "a", "id", never, {});
  load_classifier(read, folder / "a", "id");
  const at::Tensor x = normal({10, 3, 4, 4}, 8), timesteps = at::full({10}, 300, at::kLong);
  EXPECT_TRUE(same_bits(trained.logits(x, timesteps), read.logits(x, timesteps)));
  const at::NoGradGuard no_grad;
  EXPECT_TRUE(same_bits(trained.logits(x, timesteps), read.logits(x, timesteps)));
}

TEST_F(ClassifierTraining, DependsOnItsSeedAlone) {
  run("first", short_training(), 3);
  run("again", short_training(), 3);
  run("other", short_training(), 4);
  EXPECT_TRUE(bytes("first") == bytes("again"));
  EXPECT_FALSE(bytes("first") == bytes("other"));
}

TEST_F(ClassifierTraining, StepsAsAdamWWithARateThatFallsLinearly) {
  // With a constant gradient sign AdamW moves a weight by its rate, so the last bias moves by at most the sum of rates
  // 0.01 (1 + 2/3 + 1/3) over three steps; a constant rate would allow 0.03 and reach it on an easy task.
  ClassifierTrainOptions options = short_training();
  options.steps = 3;
  options.learning_rate = 0.01;
  options.weight_decay = 0;
  LabelledSet one = small_set();
  one.labels.assign(one.labels.size(), 2);
  EncoderUNet network(small());
  network.parameters().materialise(1);
  const at::Tensor before = network.parameters().flat().clone();
  train_classifier(network, schedule, one, options, 3, folder / "a", "", never, {});
  const at::Tensor moved = (network.parameters().flat() - before).abs();
  EXPECT_LE(moved.max().item<double>(), 0.02 * 1.003);
  EXPECT_GE(moved.max().item<double>(), 0.019);
}

TEST_F(ClassifierTraining, LearnsWhatNoiseLeavesVisible) {
  ClassifierTrainOptions options = short_training();
  options.steps = 150;
  options.batch = 32;
  options.entropy_weight = 0;
  EncoderUNet network(small());
  network.parameters().materialise(1);
  train_classifier(network, schedule, small_set(), options, 3, folder / "a", "id", never, {});
  const QuartileScores scores = score_classifier(network, schedule, small_set(8), 4, 1);
  EXPECT_GT(scores[0].accuracy, 0.95);
  EXPECT_LT(scores[3].accuracy, 0.8);  // alpha bar is below 0.01 there
  EXPECT_LT(scores[0].entropy, 0.5 * scores[3].entropy);
  EXPECT_LT(scores[0].calibration_error, 0.3);

  EncoderUNet loaded(small());
  loaded.parameters().materialise(2);
  load_classifier(loaded, folder / "a", "id");
  EXPECT_TRUE(same_bits(loaded.parameters().flat(), network.parameters().flat()));
  EXPECT_THAT(message_of<InputError>([&] { load_classifier(loaded, folder / "a", "other"); }),
              HasSubstr("another configuration"));
}

TEST_F(ClassifierTraining, TheEntropyConstraintKeepsTheEntropyUp) {
  // ED-DPM's claim, on a task that is easy: a large weight makes the classifier less sure at the least noise.
  ClassifierTrainOptions options = short_training();
  options.steps = 150;
  options.batch = 32;
  double entropy[2] = {};
  for (const int constrained : {0, 1}) {
    options.entropy_weight = constrained ? 0.5 : 0.0;
    EncoderUNet network(small());
    network.parameters().materialise(1);
    train_classifier(network, schedule, small_set(), options, 3, folder / std::to_string(constrained), "", never, {});
    entropy[constrained] = score_classifier(network, schedule, small_set(), 4, 1)[0].entropy;
  }
  EXPECT_GT(entropy[1], entropy[0] + 0.05);
}

TEST_F(ClassifierTraining, RefusesLabelsOutOfRangeAndReportsALossThatIsNotANumber) {
  EncoderUNet network(small());
  network.parameters().materialise(1);
  LabelledSet set = small_set();
  set.labels[4] = 3;
  EXPECT_THAT(message_of<InputError>(
                  [&] { train_classifier(network, schedule, set, short_training(), 3, folder / "a", "", never, {}); }),
              HasSubstr("label 3 of image 4 is out of range; accepted: 0 to 2"));
  set = small_set();
  set.images[0].fill_(std::nan(""));
  EXPECT_THAT(message_of<Error>(
                  [&] { train_classifier(network, schedule, set, short_training(), 3, folder / "b", "", never, {}); }),
              HasSubstr("the loss is nan at step"));
}

/// p of the right class 0.9 where the image says so, at every noise; one class of two.
class Fixed : public Classifier {
 public:
  at::Tensor logits(const at::Tensor& x, const at::Tensor& timesteps) const override {
    times.push_back(timesteps.clone());
    return at::cat({at::zeros({x.size(0), 1}), at::full({x.size(0), 1}, std::log(9.0))}, 1);
  }
  std::int64_t classes() const override { return 2; }
  mutable std::vector<at::Tensor> times;
};

TEST(ScoreClassifier, GivesTheValuesWorkedByHand) {
  // Guesses class 1 with 0.9 always; right for three of four images: calibration error |0.9 - 0.75|.
  LabelledSet set{normal({4, 1, 2, 2}, 1), {1, 1, 0, 1}};
  const Fixed classifier;
  const QuartileScores scores = score_classifier(classifier, make_noise_schedule("linear", 1000), set, 5, 1, 7);
  for (const ClassifierScores& s : scores) {
    EXPECT_EQ(s.count, 20);
    EXPECT_DOUBLE_EQ(s.accuracy, 0.75);
    EXPECT_NEAR(s.cross_entropy, -0.75 * std::log(0.9) - 0.25 * std::log(0.1), 1e-6);
    EXPECT_NEAR(s.entropy, -0.9 * std::log(0.9) - 0.1 * std::log(0.1), 1e-6);
    EXPECT_NEAR(s.calibration_error, 0.15, 1e-6);
  }
  // Every quarter got its share of times.
  const at::Tensor times = at::cat(classifier.times);
  EXPECT_EQ(times.numel(), 80);
  for (int q = 0; q < 4; ++q)
    EXPECT_EQ((times.ge(250 * q).logical_and(times.lt(250 * (q + 1)))).sum().item<std::int64_t>(), 20) << q;
}

TEST(ClassifierTrainOptions, SurviveJsonAndRefuseWhatIsOutOfRange) {
  const nlohmann::json object = to_json(short_training());
  EXPECT_EQ(to_json(read_classifier_train_options(object, "classifier.train")), object);
  EXPECT_THAT(message_of<InputError>([] {
                read_classifier_train_options(nlohmann::json::parse(R"({"entropy_weight": -0.1})"), "classifier.train");
              }),
              HasSubstr("classifier.train.entropy_weight"));
}

}  // namespace
}  // namespace assay
