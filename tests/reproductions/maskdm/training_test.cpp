#include "reproductions/maskdm/algorithm/training.h"

#include <ATen/TensorOperators.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>

#include "core/error.h"
#include "core/interrupt.h"
#include "core/safetensors.h"
#include "reproductions/maskdm/algorithm/learning_curve.h"
#include "reproductions/maskdm/config.h"
#include "reproductions/maskdm/stability.h"
#include "reproductions/maskdm/transfer.h"
#include "reproductions/tiers.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tensors.h"
#include "tests/support/throws.h"

namespace assay::maskdm {
namespace {

using test::message_of;
using test::normal;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

MaskUVitConfig small() {
  MaskUVitConfig config;
  config.img_size = 8;
  config.patch_size = 2;
  config.embed_dim = 16;
  config.depth = 2;
  config.num_heads = 2;
  return config;
}

PhaseOptions masked_phase(std::int64_t steps) {
  PhaseOptions phase;
  phase.mask.kind = MaskOptions::Kind::patch;
  phase.mask.rate = 0.75;
  phase.steps = steps;
  phase.batch = 4;
  phase.learning_rate = 1e-2;
  return phase;
}

class Training : public ::testing::Test {
 protected:
  /// Trains from the weights of seed 1; returns the moving average.
  at::Tensor train(const PhaseOptions& phase, const std::string& name, PhaseRun run) {
    MaskUVit network(small());
    network.parameters().materialise(1);
    train_phase(network, phase, run, folder_.path() / name, "test");
    network.parameters().load_partly(SafetensorsFile(folder_.path() / name), "ema.");
    return network.parameters().flat().detach().clone();
  }
  at::Tensor online(const std::string& name) {
    MaskUVit network(small());
    network.parameters().materialise(1);
    network.parameters().load_partly(SafetensorsFile(folder_.path() / name), "model.");
    return network.parameters().flat().detach().clone();
  }
  PhaseRun run() const { return {process_, images_, optimizer_, 5}; }
  TrainedPhase left(const std::string& name) { return read_phase(folder_.path() / name, "test"); }

  test::TemporaryFolder folder_;
  Process process_{"cosine"};
  TrainingImages images_ = images_in_memory(normal({6, 3, 8, 8}, 2).clamp(-1, 1));
  OptimizerOptions optimizer_;
};

TEST(EmaDecay, FollowsThePublishedTable) {
  // ema_pytorch as MaskDM uses it: masking-segmentation-tokens.md 1.6.
  for (const std::int64_t n : {1, 50, 101}) EXPECT_EQ(ema_decay(n, 0.999), 0.0);
  for (const auto& [n, decay] : {std::pair(200, 0.9536), std::pair(500, 0.9816), std::pair(1000, 0.9893),
                                 std::pair(2000, 0.9935), std::pair(5000, 0.9965), std::pair(10000, 0.9978)})
    EXPECT_NEAR(ema_decay(n, 0.999), decay, 5e-5) << n;
  EXPECT_LT(ema_decay(31600, 0.999), 0.999);
  EXPECT_EQ(ema_decay(31800, 0.999), 0.999);
  EXPECT_EQ(ema_decay(1000, 0.5), 0.5);
}

TEST_F(Training, GoesOnToTheSameBitsAfterAnInterruption) {
  const PhaseOptions phase = masked_phase(6);
  PhaseRun whole = run();
  whole.snapshots = {2, 5};
  const at::Tensor wanted = train(phase, "whole", whole);

  PhaseRun parts = whole;
  parts.checkpoint_seconds = 0;
  parts.progress = [](std::int64_t step) {
    if (step == 3) throw Interrupted();
  };
  EXPECT_THROW(train(phase, "parts", parts), Interrupted);
  parts.progress = {};
  EXPECT_TRUE(test::same_bits(train(phase, "parts", parts), wanted));
  EXPECT_TRUE(test::same_bits(online("parts"), online("whole")));
  const TrainedPhase a = left("parts"), b = left("whole");
  EXPECT_EQ(a.loss, b.loss);
  EXPECT_EQ(a.gradient_norm, b.gradient_norm);
  ASSERT_EQ(a.snapshots.size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(a.snapshots[i].step, b.snapshots[i].step);
    EXPECT_TRUE(test::same_bits(a.snapshots[i].average, b.snapshots[i].average));
  }
}

TEST_F(Training, TheAverageIsACopyUntilItsHundredAndFirstUpdate) {
  const at::Tensor early = train(masked_phase(3), "early", run());
  EXPECT_TRUE(test::same_bits(early, online("early")));
  const at::Tensor late = train(masked_phase(104), "late", run());
  EXPECT_GT(test::max_abs_difference(late, online("late")), 0);
}

TEST_F(Training, TheAverageMayFollowEveryTenthStepOnly) {
  // ema_pytorch's update_every: its calls 1, 11, 21 ... change the average.
  optimizer_.ema_update_every = 10;
  const at::Tensor first = train(masked_phase(1), "first", run());
  EXPECT_TRUE(test::same_bits(first, online("first")));
  EXPECT_TRUE(test::same_bits(train(masked_phase(10), "tenth", run()), first));
  const at::Tensor eleventh = train(masked_phase(11), "eleventh", run());
  EXPECT_TRUE(test::same_bits(eleventh, online("eleventh")));
}

TEST_F(Training, WaveletsAreTrainedOnImagesOfTwiceTheSide) {
  MaskUVitConfig config = small();
  config.in_chans = 12;
  config.data_chans = 3;
  const TrainingImages images = images_in_memory(normal({6, 3, 16, 16}, 2).clamp(-1, 1));
  const auto end = [&](double rate) {
    MaskUVit network(config);
    network.parameters().materialise(1);
    PhaseOptions phase = masked_phase(30);
    phase.mask.rate = rate;
    phase.flip = 0.5;
    const std::string name = fmt::format("wavelet-{}", rate);
    train_phase(network, phase, {process_, images, optimizer_, 5}, folder_.path() / name, "test");
    return left(name).loss;
  };
  for (const double rate : {0.0, 0.75}) {
    const std::vector<float> loss = end(rate);
    // About 1 of each band where nothing is known of the noise.
    EXPECT_NEAR(loss.front(), 2, 0.6) << rate;
    EXPECT_LT(loss.back(), 0.9 * loss.front()) << rate;
  }
}

TEST_F(Training, WarmUpTakesItsFirstStepAtRateZero) {
  PhaseOptions phase = masked_phase(1);
  MaskUVit network(small());
  network.parameters().materialise(1);
  const at::Tensor start = network.parameters().flat().detach().clone();
  phase.warmup_steps = 10;
  train(phase, "warm", run());
  EXPECT_TRUE(test::same_bits(online("warm"), start));
  phase.warmup_steps = 0;
  train(phase, "cold", run());
  EXPECT_GT(test::max_abs_difference(online("cold"), start), 1e-3);
}

TEST_F(Training, ClippingChangesNothingBelowItsNorm) {
  PhaseOptions phase = masked_phase(2);
  const at::Tensor plain = train(phase, "plain", run());
  const float norm = left("plain").gradient_norm.front();
  phase.clip = 1e5;
  EXPECT_TRUE(test::same_bits(train(phase, "loose", run()), plain));
  // AdamW's first step does not see the length of a gradient, its second does.
  phase.clip = 0.01 * norm;
  EXPECT_GT(test::max_abs_difference(train(phase, "tight", run()), plain), 1e-6);
  EXPECT_EQ(left("tight").gradient_norm.front(), norm) << "the norm is that before clipping";
}

TEST_F(Training, MirroredImagesAreMirrored) {
  PhaseOptions phase = masked_phase(2);
  phase.flip = 1.0;
  const at::Tensor flipped = train(phase, "flipped", run());
  const TrainingImages mirrored = images_in_memory(normal({6, 3, 8, 8}, 2).clamp(-1, 1).flip(3));
  phase.flip = 0.0;
  PhaseRun other{process_, mirrored, optimizer_, 5};
  EXPECT_TRUE(test::same_bits(train(phase, "other", other), flipped));
}

TEST_F(Training, LaterPhasesSeeOtherExamples) {
  PhaseRun later = run();
  const at::Tensor first = train(masked_phase(1), "first", later);
  later.first_example = 4;
  EXPECT_GT(test::max_abs_difference(train(masked_phase(1), "later", later), first), 1e-4);
}

TEST_F(Training, ALossThatIsNotFiniteEndsThePhaseAndIsTold) {
  at::Tensor broken = normal({6, 3, 8, 8}, 2);
  broken.fill_(std::numeric_limits<float>::quiet_NaN());
  const TrainingImages images = images_in_memory(broken);
  PhaseRun bad{process_, images, optimizer_, 5};
  train(masked_phase(4), "bad", bad);
  const TrainedPhase phase = left("bad");
  ASSERT_TRUE(phase.diverged_at.has_value());
  EXPECT_EQ(*phase.diverged_at, 0);
  EXPECT_TRUE(phase.loss.empty());
  EXPECT_FALSE(left((train(masked_phase(2), "good", run()), "good")).diverged_at.has_value());
}

TEST_F(Training, RefusesImagesOfAnotherSize) {
  const TrainingImages images = images_in_memory(normal({2, 3, 4, 4}, 1));
  PhaseRun bad{process_, images, optimizer_, 5};
  EXPECT_THAT(message_of<InputError>([&] { train(masked_phase(1), "size", bad); }), HasSubstr("must be 8 x 8 pixels"));
}

TEST(StepFlops, AreThreePassesOverTheVisibleTokens) {
  // masking-segmentation-tokens.md 1.3, small at 64 pixels: 24.4 G forward with all, 2.40 G with 26 of 256 patches.
  MaskUVitConfig config;
  config.img_size = 64;
  config.embed_dim = 512;
  config.depth = 13;
  config.num_heads = 8;
  const MaskUVit network(config);
  PhaseOptions phase;
  phase.batch = 10;
  EXPECT_NEAR(step_flops(network, phase), 30 * 24.4e9, 30 * 0.1e9);
  phase.mask.kind = MaskOptions::Kind::patch;
  phase.mask.rate = 0.9;
  EXPECT_NEAR(step_flops(network, phase), 30 * 2.40e9, 30 * 0.01e9);
}

TEST(Curve, MeanIsTheAreaOverItsWidth) {
  const LearningCurve curve{{1, 2, 4}, {10, 6, 4}};
  EXPECT_DOUBLE_EQ(curve.at(1), 10);
  EXPECT_DOUBLE_EQ(curve.at(3), 5);
  EXPECT_DOUBLE_EQ(curve.mean(1, 4), (8 + 10) / 3.0);
  // From the middle of one piece to the middle of the next: heights 8, 6, 5.
  EXPECT_DOUBLE_EQ(curve.mean(1.5, 3), (0.5 * 7 + 5.5) / 1.5);
  EXPECT_DOUBLE_EQ(curve.mean(2.5, 3.5), 5);
  EXPECT_THROW(curve.at(4.1), Error);
  EXPECT_THROW(curve.mean(2, 2), Error);
  const Stretch common = common_stretch({curve, {{0.5, 3}, {1, 1}}});
  EXPECT_EQ(common.from, 1);
  EXPECT_EQ(common.to, 3);
}

TEST(Swing, IsOfTheSecondHalf) {
  // Second half 1, 1, 1, 5: mean 2, deviation 2, one of four above twice the median.
  const Swing swing = swing_of({100, 0, 7, 50, 1, 1, 1, 5});
  EXPECT_DOUBLE_EQ(swing.spread, 1);
  EXPECT_DOUBLE_EQ(swing.spikes, 0.25);
  EXPECT_THROW(swing_of({1, 2, 3}), Error);
}

TEST(Transfer, SourceIsTheLargestGroupsAndTargetTheRest) {
  // Group 2 has five of nine images.
  const Domains domains = split_domains({0, 2, 2, 1, 2, 2, 0, 2, 1});
  EXPECT_THAT(domains.source, ElementsAre(1, 2, 4, 5, 7));
  EXPECT_THAT(domains.target, ElementsAre(0, 3, 6, 8));
  // Of equal groups the first.
  EXPECT_THAT(split_domains({1, 0, 1, 0}).source, ElementsAre(1, 3));
  EXPECT_THAT(message_of<InputError>([] { split_domains({3, 3, 3}); }), HasSubstr("at least two groups"));
}

TEST(Transfer, FewAreSomeOfMore) {
  std::vector<std::int64_t> rows;
  for (std::int64_t i = 0; i < 200; ++i) rows.push_back(3 * i);
  const auto ten = few_of(rows, 0.1, 4), one = few_of(rows, 0.01, 4);
  EXPECT_EQ(ten.size(), 20U);
  EXPECT_EQ(one.size(), 2U);
  const std::set<std::int64_t> all(ten.begin(), ten.end());
  EXPECT_EQ(all.size(), 20U);
  for (const std::int64_t row : one) EXPECT_TRUE(all.contains(row));
  EXPECT_NE(few_of(rows, 0.1, 5), ten);
  EXPECT_EQ(few_of(rows, 1e-6, 4).size(), 2U);
}

TEST(Config, PresetsAreComplete) {
  for (const Tier tier : {Tier::smoke, Tier::mini}) {
    const Config config = read_config(method_preset("maskdm", tier));
    EXPECT_FALSE(config.chains.empty()) << name_of(tier);
    for (const Chain& chain : config.chains) EXPECT_DOUBLE_EQ(chain.share(), 1.0) << name_of(tier) << " " << chain.name;
  }
}

TEST(Config, MaskTypesAreComparedAtEqualVisibleCounts) {
  for (const Tier tier : {Tier::smoke, Tier::mini}) {
    const Config config = read_config(method_preset("maskdm", tier));
    std::set<std::int64_t> seen;
    for (const Chain& chain : config.chains)
      if (chain.name == "pretrain50" || chain.name == "patch50" || chain.name == "crop50")
        seen.insert(visible_count(chain.phases.front().mask, config.network.grid()));
    EXPECT_EQ(seen.size(), 1U) << name_of(tier);
  }
}

TEST(Config, RefusesWhatCannotBeTrained) {
  const auto refused = [](const char* pointer, const nlohmann::json& value) {
    nlohmann::json config = method_preset("maskdm", Tier::smoke);
    config[nlohmann::json::json_pointer(pointer)] = value;
    return message_of<InputError>([&] { read_config(config); });
  };
  EXPECT_THAT(refused("/network/patch_size", 3), HasSubstr("16 is not a multiple of patch_size 3"));
  EXPECT_THAT(refused("/chains/pretrain50/stages/0/mask/block", 3), HasSubstr("3 does not divide the grid of 4 x 4"));
  EXPECT_THAT(refused("/chains/patch50/stages/0/mask/rate", 1.0),
              HasSubstr("chains.patch50.stages[0].mask.rate: 1 leaves nothing"));
  EXPECT_THAT(refused("/chains/scratch/stages/0/share", 1.5), HasSubstr("chains.scratch.stages[0].share"));
  EXPECT_THAT(refused("/chains/pretrain25/stages/0/share", 0.5), HasSubstr("add up to 1.25"));
  EXPECT_THAT(refused("/chains/scratch/stages", nlohmann::json::array()), HasSubstr("a list of at least one stage"));
  EXPECT_THAT(refused("/cost/rates", {0.5, 0.9}), HasSubstr("0 first"));
  EXPECT_THAT(refused("/network/img_size", 32), HasSubstr("they must be equal"));
  EXPECT_THAT(refused("/stability/batches", {32, 8}), HasSubstr("ascending"));
}

TEST(Config, PartsCanBeLeftOut) {
  nlohmann::json object = method_preset("maskdm", Tier::smoke);
  object["transfer"]["shares"] = nlohmann::json::array();
  object["stability"]["batches"] = nlohmann::json::array();
  object["cost"]["rates"] = nlohmann::json::array();
  const Config config = read_config(object);
  EXPECT_TRUE(config.transfer.shares.empty() && config.stability.batches.empty() && config.cost.rates.empty());
}

}  // namespace
}  // namespace assay::maskdm
