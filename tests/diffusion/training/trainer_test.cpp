#include "diffusion/training/trainer.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <stdexcept>
#include <utility>

#include "core/error.h"
#include "core/file.h"
#include "core/safetensors.h"
#include "diffusion/networks/adm/unet.h"
#include "diffusion/networks/adm/unet_ca.h"
#include "kernels/host_tensor.h"
#include "kernels/thread_count.h"
#include "tests/diffusion/filled.h"
#include "tests/diffusion/golden.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tensors.h"
#include "tests/support/throws.h"

namespace assay {
namespace {

using test::max_abs_difference;
using test::message_of;
using test::normal;
using test::same_bits;
using test::TemporaryFolder;
using test::values;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr double never = 1e9;  // seconds between checkpoints

UNetConfig small(std::int64_t cond_dim, double dropout = 0.1) {
  UNetConfig c;
  c.image_size = 4;
  c.channel_mult = {1};
  c.attention_resolutions = {};
  c.num_head_channels = 32;
  c.cond_dim = cond_dim;
  c.dropout = dropout;
  return c;
}

/// Seven images with labels of three classes and clusters of two.
TrainingSet small_set() {
  TrainingSet set;
  set.images = normal({7, 3, 4, 4}, 21).clamp(-1, 1);
  set.blocks = {{"label", 3, {0, 1, 2, 0, 1, 2, 0}}, {"cluster", 2, {1, 0, 1, 0, 1, 0, 1}}};
  return set;
}

TrainOptions short_training() {
  TrainOptions o;
  o.steps = 6;
  o.batch = 4;
  o.learning_rate = 1e-2;
  o.warmup_steps = 2;
  o.ema_decay = 0.9;
  return o;
}

class Training : public ::testing::Test {
 protected:
  TrainReport run(const std::string& name, const TrainOptions& options, std::uint64_t seed = 3,
                  std::uint64_t initial = 1, double checkpoint_seconds = never,
                  const std::function<void(std::int64_t, double)>& progress = {}) {
    UNet network(small(5));
    network.parameters().materialise(initial);
    return train(network, schedule, small_set(), options, seed, folder / name, "what was trained", checkpoint_seconds,
                 progress);
  }
  std::string bytes(const std::string& name) const { return read_file(folder / name); }

  TemporaryFolder folder;
  NoiseSchedule schedule = make_noise_schedule("sqrt-linear", 1000);
};

TEST_F(Training, ResumedGivesTheBitsOfAnUninterruptedRun) {
  const TrainReport whole = run("whole", short_training());
  EXPECT_EQ(whole.first_step, 0);
  EXPECT_EQ(whole.steps, 6);

  struct Stop : std::runtime_error {
    using std::runtime_error::runtime_error;
  };
  EXPECT_THROW(run("parts", short_training(), 3, 1, 0.0,
                   [](std::int64_t step, double) {
                     if (step == 2) throw Stop("after two steps");
                   }),
               Stop);
  EXPECT_FALSE(std::filesystem::exists(folder / "parts"));
  // The second process starts from other weights: all that matters must come from the file. It stops once more.
  EXPECT_THROW(run("parts", short_training(), 3, 99, 0.0,
                   [](std::int64_t step, double) {
                     if (step == 5) throw Stop("after five steps");
                   }),
               Stop);
  const TrainReport rest = run("parts", short_training(), 3, 77);
  EXPECT_EQ(rest.first_step, 5);
  EXPECT_EQ(rest.steps, 1);
  EXPECT_EQ(rest.loss, whole.loss);
  EXPECT_TRUE(bytes("whole") == bytes("parts"));
  EXPECT_FALSE(std::filesystem::exists(folder / "parts.partial"));
}

TEST_F(Training, DependsOnItsSeedAlone) {
  run("first", short_training(), 3);
  run("again", short_training(), 3);
  run("other", short_training(), 4);
  EXPECT_TRUE(bytes("first") == bytes("again"));
  EXPECT_FALSE(bytes("first") == bytes("other"));
}

TEST_F(Training, DrawsTheSameExamplesWithAnyNumberOfThreads) {
  TrainOptions options = short_training();
  options.steps = 3;
  std::vector<double> one, two;
  {
    const ThreadCount threads(1);
    run("one", options, 3, 1, never, [&](std::int64_t, double loss) { one.push_back(loss); });
  }
  {
    const ThreadCount threads(2);
    run("two", options, 3, 1, never, [&](std::int64_t, double loss) { two.push_back(loss); });
  }
  ASSERT_THAT(one, SizeIs(3));
  ASSERT_THAT(two, SizeIs(3));
  for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(one[i], two[i], 1e-4 * one[i]) << "step " << i;
}

TEST_F(Training, DrawsEveryExampleFromItsOwnStream) {
  // A network that starts as the zero function and hardly learns has the mean square of the noise as its loss, so one
  // batch of eight must cost the mean of the two batches of four that hold the same examples.
  TrainOptions options = short_training();
  options.learning_rate = 1e-30;
  options.steps = 2;
  std::vector<double> four, eight;
  run("four", options, 3, 1, never, [&](std::int64_t, double loss) { four.push_back(loss); });
  options.steps = 1;
  options.batch = 8;
  run("eight", options, 3, 1, never, [&](std::int64_t, double loss) { eight.push_back(loss); });
  ASSERT_THAT(four, SizeIs(2));
  ASSERT_THAT(eight, SizeIs(1));
  EXPECT_NEAR(eight[0], (four[0] + four[1]) / 2, 1e-6);
  EXPECT_NE(four[0], four[1]);
  // 384 squares of standard normals: mean 1, deviation sqrt(2 / 384) = 0.072.
  EXPECT_NEAR(eight[0], 1.0, 5 * 0.072);
}

TEST_F(Training, FirstStepMovesTheLastBiasByTheLearningRate) {
  // Adam's first step is lr * g / |g|; a bias that starts at zero has no weight to decay. The average after it has
  // decay min(0.9, 1 / 10), so 0.1 of the start and 0.9 of the step.
  TrainOptions options = short_training();
  options.steps = 1;
  options.warmup_steps = 0;
  run("one", options);
  const SafetensorsFile file(folder / "one");
  const at::Tensor raw = tensor_of(file, "model.out.2.bias"), average = tensor_of(file, "ema.out.2.bias");
  EXPECT_LT(max_abs_difference(raw.abs(), values({0.01f, 0.01f, 0.01f})), 1e-5);
  EXPECT_LT(max_abs_difference(average, raw * 0.9), 1e-8);
}

TEST_F(Training, WarmsUpFromAMillionthOfTheRate) {
  TrainOptions options = short_training();
  options.steps = 1;
  options.warmup_steps = 100;
  run("one", options);
  const SafetensorsFile file(folder / "one");
  EXPECT_LT(max_abs_difference(tensor_of(file, "model.out.2.bias").abs(), values({1e-8f, 1e-8f, 1e-8f})), 1e-10);
}

TEST_F(Training, ConditionDropoutOfOneLeavesTheConditionBranchUntaught) {
  UNet start(small(5));
  start.parameters().materialise(1);
  TrainOptions options = short_training();
  options.weight_decay = 0;
  options.warmup_steps = 0;
  const auto trained = [&](const std::string& name, double dropout) {
    options.condition_dropout = dropout;
    run(name, options);
    return tensor_of(SafetensorsFile(folder / name), "model.mlp_cond.0.weight");
  };
  const at::Tensor before = test::weight(start, "mlp_cond.0.weight");
  EXPECT_TRUE(same_bits(trained("always dropped", 1.0), before));
  EXPECT_GT(max_abs_difference(trained("never dropped", 0.0), before), 1e-4);
  EXPECT_TRUE(
      same_bits(tensor_of(SafetensorsFile(folder / "never dropped"), "model.null_cond_emb"), at::zeros({1, 5})));
}

TEST_F(Training, LearnsOneImage) {
  UNet network(small(0, 0.0));
  network.parameters().materialise(1);
  TrainingSet set;
  set.images = normal({1, 3, 4, 4}, 2).clamp(-1, 1);
  TrainOptions options = short_training();
  options.steps = 100;
  options.batch = 8;
  options.warmup_steps = 5;
  const TrainReport report = train(network, schedule, set, options, 1, folder / "one", "one image", never, {});
  ASSERT_THAT(report.loss, SizeIs(100));
  double first = 0, last = 0;
  for (std::size_t i = 0; i < 10; ++i) {
    first += report.loss[i] / 10;
    last += report.loss[90 + i] / 10;
  }
  EXPECT_LT(last, 0.5 * first);
}

TEST_F(Training, StopsWhenTheLossIsNoNumber) {
  UNet network(small(0));
  network.parameters().materialise(1);
  network.parameters().flat().fill_(std::numeric_limits<float>::quiet_NaN());
  TrainingSet set;
  set.images = normal({2, 3, 4, 4}, 2);
  EXPECT_THAT(
      message_of<Error>([&] { train(network, schedule, set, short_training(), 1, folder / "x", "", never, {}); }),
      HasSubstr("the loss is nan at step 0"));
}

TEST_F(Training, LeavesRawAndAveragedWeights) {
  run("file", short_training());
  const SafetensorsFile file(folder / "file");
  UNet network(small(5));
  network.parameters().materialise(50);
  const auto loaded = [&](CheckpointWeights weights) {
    load_checkpoint(network, folder / "file", weights, "what was trained");
    return test::weight(network, "out.2.weight").clone();
  };
  EXPECT_TRUE(same_bits(loaded(CheckpointWeights::raw), tensor_of(file, "model.out.2.weight")));
  EXPECT_TRUE(same_bits(loaded(CheckpointWeights::ema), tensor_of(file, "ema.out.2.weight")));
  EXPECT_FALSE(same_bits(tensor_of(file, "model.out.2.weight"), tensor_of(file, "ema.out.2.weight")));
}

TEST_F(Training, RefusesACheckpointOfSomethingElse) {
  run("file", short_training());
  UNet same(small(5)), wider(small(6));
  same.parameters().materialise(0);
  wider.parameters().materialise(0);
  EXPECT_THAT(message_of<InputError>(
                  [&] { load_checkpoint(same, folder / "file", CheckpointWeights::raw, "another identity"); }),
              AllOf(HasSubstr("file"), HasSubstr("another configuration")));
  EXPECT_THAT(message_of<InputError>([&] { load_checkpoint(wider, folder / "file", CheckpointWeights::raw); }),
              HasSubstr("model.mlp_cond.0.weight is [64, 5], expected [64, 6]"));
  EXPECT_NO_THROW(load_checkpoint(same, folder / "file", CheckpointWeights::raw, ""));
  EXPECT_THROW(load_checkpoint(same, folder / "absent", CheckpointWeights::raw), InputError);

  std::filesystem::rename(folder / "file", folder / "next.partial");
  EXPECT_THAT(message_of<InputError>([&] {
                train(same, schedule, small_set(), short_training(), 3, folder / "next", "another identity", never, {});
              }),
              HasSubstr("another configuration"));
}

TEST_F(Training, RefusesATruncatedCheckpointAtEveryLength) {
  run("file", short_training());
  const std::string whole = bytes("file");
  UNet network(small(5));
  network.parameters().materialise(0);
  for (const std::size_t length :
       {std::size_t{0}, std::size_t{7}, std::size_t{100}, whole.size() / 2, whole.size() - 1}) {
    folder.file("cut", whole.substr(0, length));
    folder.file("resumed.partial", whole.substr(0, length));
    EXPECT_THAT(message_of<InputError>([&] { load_checkpoint(network, folder / "cut", CheckpointWeights::raw); }),
                HasSubstr("cut"))
        << length << " of " << whole.size() << " bytes";
    EXPECT_THAT(message_of<InputError>([&] { run("resumed", short_training()); }), HasSubstr("resumed.partial"));
  }
}

TEST_F(Training, RefusesAFinishedCheckpointInThePlaceOfAPartialOne) {
  // Without the optimiser's state a training cannot go on to the same bits.
  run("file", short_training());
  std::filesystem::rename(folder / "file", folder / "next.partial");
  EXPECT_THROW(run("next", short_training()), InputError);
}

class HybridTraining : public Training {
 protected:
  /// Four time steps, so that 12 batches of 8 fill the history of losses of each.
  TrainReport run_hybrid(const std::string& name, const std::function<void(std::int64_t, double)>& progress = {},
                         std::uint64_t initial = 1) {
    UNetConfig config = small(0, 0.0);
    config.out_channels = 6;
    UNet network(config);
    network.parameters().materialise(initial);
    TrainingSet set = small_set();
    set.blocks.clear();
    TrainOptions options = short_training();
    options.steps = 14;
    options.batch = 8;
    options.loss = DenoisingObjective::hybrid;
    options.timestep_sampler = timestep_sampler;
    return train(network, make_noise_schedule("linear", 4), set, options, 3, folder / name, "hybrid", 0.0, progress);
  }

  std::string timestep_sampler = "loss-second-moment";
};

TEST_F(HybridTraining, ResumedGivesTheBitsOfAnUninterruptedRun) {
  struct Stop : std::runtime_error {
    using std::runtime_error::runtime_error;
  };
  run_hybrid("whole");
  for (const std::int64_t last : {3, 12})  // before and after the sampler of time steps has warmed up
    EXPECT_THROW(run_hybrid(
                     "parts",
                     [last](std::int64_t step, double) {
                       if (step == last) throw Stop("stopped");
                     },
                     last == 3 ? 1 : 7),
                 Stop);
  EXPECT_EQ(run_hybrid("parts", {}, 9).first_step, 12);
  EXPECT_TRUE(bytes("whole") == bytes("parts"));
  timestep_sampler = "uniform";
  run_hybrid("uniform");
  EXPECT_FALSE(bytes("whole") == bytes("uniform"));
}

TEST_F(HybridTraining, TeachesTheVarianceChannels) {
  run_hybrid("hybrid");
  const at::Tensor bias = tensor_of(SafetensorsFile(folder / "hybrid"), "model.out.2.bias");
  ASSERT_EQ(bias.numel(), 6);  // they start at zero
  EXPECT_GT(bias.narrow(0, 3, 3).abs().min().item<double>(), 1e-3);
}

TEST_F(Training, TeachesTheClassesOfTheOnlyBlock) {
  UNetConfig config = small(0, 0.0);
  config.num_classes = 3;
  TrainingSet set = small_set();
  set.blocks = {{"label", 3, {0, 1, 0, 1, 0, 1, 0}}};  // class 2 is never shown
  TrainOptions options = short_training();
  options.condition_dropout = 0;
  options.weight_decay = 0;
  options.warmup_steps = 0;
  UNet start(config), network(config);
  start.parameters().materialise(1);
  network.parameters().materialise(1);
  train(network, schedule, set, options, 3, folder / "classes", "", never, {});
  const at::Tensor before = test::weight(start, "label_emb.weight");
  const at::Tensor after = tensor_of(SafetensorsFile(folder / "classes"), "model.label_emb.weight");
  EXPECT_GT(max_abs_difference(after[0], before[0]), 1e-4);
  EXPECT_GT(max_abs_difference(after[1], before[1]), 1e-4);
  EXPECT_TRUE(same_bits(after[2], before[2]));
}

TEST_F(Training, ShowsLayoutsAndDropsThemWithTheVector) {
  UNetCaConfig config;
  config.image_size = 4;
  config.channel_mult = {1};
  config.attention_resolutions = {};
  config.num_head_channels = 32;
  config.cond_dim = 5;
  config.condition_method = "clusterlayout";
  config.layout_dim = 2;
  TrainingSet set = small_set();
  set.blocks[0].layout = normal({7, 2, 4, 4}, 22).gt(0).to(at::kFloat);
  TrainOptions options = short_training();
  options.weight_decay = 0;
  options.warmup_steps = 0;
  UNetCa start(config);
  start.parameters().materialise(1);
  // How far training moves the weights that see layouts, and those that see vectors.
  const auto moved = [&](const std::string& name, double dropout) {
    UNetCa network(config);
    network.parameters().materialise(1);
    options.condition_dropout = dropout;
    train(network, schedule, set, options, 3, folder / name, "", never, {});
    const SafetensorsFile file(folder / name);
    std::pair<double, double> distance;
    for (const Parameter& parameter : start.parameters().all()) {
      const at::Tensor after = tensor_of(file, "model." + parameter.name);
      if (parameter.name == "input_blocks.0.0.weight")
        distance.first = max_abs_difference(after.narrow(1, 3, 2), parameter.value.narrow(1, 3, 2));
      if (parameter.name == "to_cond_tokens.0.weight") distance.second = max_abs_difference(after, parameter.value);
    }
    return distance;
  };
  const auto shown = moved("shown", 0.0), dropped = moved("dropped", 1.0);
  EXPECT_GT(shown.first, 1e-4);
  EXPECT_GT(shown.second, 1e-4);
  EXPECT_EQ(dropped.first, 0);
  EXPECT_EQ(dropped.second, 0);
}

TEST_F(Training, RefusesNetworksThatDoNotFit) {
  const auto refused = [&](const UNetConfig& config, const TrainOptions& options) {
    UNet network(config);
    network.parameters().materialise(1);
    return message_of<InputError>(
        [&] { train(network, schedule, small_set(), options, 3, folder / "x", "", never, {}); });
  };
  TrainOptions options = short_training();
  options.loss = DenoisingObjective::hybrid;
  EXPECT_THAT(refused(small(5), options), HasSubstr("loss hybrid on images of 3 channels needs out_channels 6"));
  UNetConfig config = small(5);
  config.out_channels = 6;
  EXPECT_THAT(refused(config, short_training()), HasSubstr("loss mse on images of 3 channels needs out_channels 3"));
  config = small(0);
  config.num_classes = 3;
  EXPECT_THAT(refused(config, short_training()), HasSubstr("the set has 2 conditions"));
  EXPECT_THAT(refused(small(4), short_training()),
              HasSubstr("width 5 and 0 layout channels; the network takes 4 and 0"));
}

TEST(TrainOptionsConfiguration, SurvivesJsonAndRefusesWhatIsOutOfRange) {
  const nlohmann::json object = to_json(short_training());
  EXPECT_EQ(to_json(read_train_options(object, "train")), object);
  const auto refused = [](const char* text) {
    return message_of<InputError>([&] { read_train_options(nlohmann::json::parse(text), "train"); });
  };
  EXPECT_THAT(refused(R"({"steps": 0})"), HasSubstr("train.steps"));
  EXPECT_THAT(refused(R"({"condition_dropout": 1.5})"), HasSubstr("train.condition_dropout"));
  EXPECT_THAT(refused(R"({"learning_rat": 1})"), HasSubstr("learning_rate"));
  EXPECT_THAT(refused(R"({"loss": "hybird"})"), HasSubstr("hybrid"));
  EXPECT_THAT(refused(R"({"step_sampler": "unifrom"})"), HasSubstr("uniform"));
}

}  // namespace
}  // namespace assay
