#include "reproductions/diffusion_seg/algorithm/decoder_training.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/full.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

#include "core/error.h"
#include "core/file.h"
#include "core/safetensors.h"
#include "diffusion/training/checkpoint.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tensors.h"
#include "tests/support/throws.h"

namespace assay::diffusion_seg {
namespace {

using test::message_of;
using test::normal;
using test::same_bits;
using test::TemporaryFolder;
using ::testing::Each;
using ::testing::HasSubstr;

constexpr double never = 1e9;  // seconds between checkpoints
constexpr MaskDecoderOptions small{.width = 8, .groups = 2, .side = 8};

/// Images of noise in which a pixel belongs to the object where its first channel is above 0.3.
at::Tensor noise(std::uint64_t seed) { return normal({12, 2, 8, 8}, seed); }
at::Tensor truth(const at::Tensor& maps) { return (maps.select(1, 0) > 0.3).to(at::kFloat); }

DecoderTrainOptions short_training() { return {.steps = 10, .batch = 4, .learning_rate = 1e-2}; }

struct Stop : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class DecoderTraining : public ::testing::Test {
 protected:
  TrainReport run(const std::string& name, const DecoderTrainOptions& options, std::uint64_t seed = 3,
                  std::uint64_t initial = 1, double checkpoint_seconds = never,
                  const std::function<void(std::int64_t, double)>& progress = {}) {
    MaskDecoder decoder({2}, small);
    decoder.parameters().materialise(initial);
    return train_decoder(decoder, features_in_memory({noise(1)}), masks_in_memory(truth(noise(1))), options, seed,
                         folder / name, "what was trained", checkpoint_seconds, progress);
  }
  std::string bytes(const std::string& name) const { return read_file(folder / name); }

  TemporaryFolder folder;
};

TEST_F(DecoderTraining, LearnsAThresholdThatNoConstantComesNear) {
  MaskDecoder decoder({2}, small);
  decoder.parameters().materialise(1);
  const at::Tensor images = noise(1), masks = truth(images);
  const TrainReport report =
      train_decoder(decoder, features_in_memory({images}), masks_in_memory((masks * 255).to(at::kByte)),
                    {.steps = 200, .batch = 6, .learning_rate = 1e-2}, 3, folder / "a", "id", never, {});
  // A constant answer p on masks of area a loses at least their entropy, which p = a attains, and one minus the IoU
  // p a / (p + a - p a), which is at most a: that of p = 1.
  const double a = masks.mean().item<double>();
  const double constant = -a * std::log(a) - (1 - a) * std::log(1 - a) + 1 - a;
  EXPECT_NEAR(report.loss.front(), constant, 0.25 * constant);
  EXPECT_LT(report.loss.back(), 0.25 * constant);

  // On images that it has not seen, better than the constant's IoU of at most a, which is 0.4.
  EXPECT_LT(a, 0.42);
  const at::NoGradGuard no_grad;
  const at::Tensor fresh = noise(9), seen = decoder.logits({fresh}, 8, 8) > 0, there = truth(fresh) > 0;
  EXPECT_GT((seen & there).sum().item<double>(), 0.6 * (seen | there).sum().item<double>());
}

TEST_F(DecoderTraining, ResumedGivesTheBitsOfAnUninterruptedRun) {
  const TrainReport whole = run("whole", short_training());
  EXPECT_EQ(whole.first_step, 0);
  EXPECT_EQ(whole.steps, 10);
  const auto stop_after = [](std::int64_t last) {
    return [last](std::int64_t step, double) {
      if (step == last) throw Stop("here");
    };
  };
  EXPECT_THROW(run("parts", short_training(), 3, 1, 0.0, stop_after(2)), Stop);
  EXPECT_FALSE(std::filesystem::exists(folder / "parts"));
  // Later processes start from other weights: all that matters must come from the file.
  EXPECT_THROW(run("parts", short_training(), 3, 99, 0.0, stop_after(7)), Stop);
  const TrainReport rest = run("parts", short_training(), 3, 77);
  EXPECT_EQ(rest.first_step, 7);
  EXPECT_EQ(rest.steps, 3);
  EXPECT_EQ(rest.loss, whole.loss);
  EXPECT_TRUE(bytes("whole") == bytes("parts"));
  EXPECT_FALSE(std::filesystem::exists(folder / "parts.partial"));
  EXPECT_EQ(finished_loss(SafetensorsFile(folder / "whole")), whole.loss);
}

TEST_F(DecoderTraining, DependsOnItsSeed) {
  run("first", short_training(), 3);
  run("again", short_training(), 3);
  run("other", short_training(), 4);
  EXPECT_TRUE(bytes("first") == bytes("again"));
  EXPECT_FALSE(bytes("first") == bytes("other"));
}

TEST_F(DecoderTraining, LeavesADecoderThatPredictsTheBitsOfItsFile) {
  MaskDecoder decoder({2}, small);
  decoder.parameters().materialise(1);
  train_decoder(decoder, features_in_memory({noise(1)}), masks_in_memory(truth(noise(1))), short_training(), 3,
                folder / "a", "id", never, {});
  const auto read = read_mask_decoder(folder / "a", "id");
  EXPECT_TRUE(same_bits(decoder.logits({noise(2)}, 8, 8), read->logits({noise(2)}, 8, 8)));
}

TEST_F(DecoderTraining, ShowsEveryImageAsOftenWithItsOwnMask) {
  std::vector<int> shown(12, 0);
  std::vector<std::int64_t> last;
  const DecoderFeatures held = features_in_memory({noise(1)});
  const DecoderMasks masks = masks_in_memory(truth(noise(1)));
  MaskDecoder decoder({2}, small);
  decoder.parameters().materialise(1);
  DecoderTrainOptions options = short_training();
  options.steps = 6;  // of 4: twice the 12 images
  train_decoder(decoder,
                {.count = 12,
                 .channels = {2},
                 .load =
                     [&](const std::vector<std::int64_t>& images) {
                       for (const std::int64_t image : images) ++shown[static_cast<std::size_t>(image)];
                       last = images;
                       return held.load(images);
                     }},
                [&](const std::vector<std::int64_t>& images) {
                  EXPECT_EQ(images, last);
                  return masks(images);
                },
                options, 3, folder / "a", "id", never, {});
  EXPECT_THAT(shown, Each(2));
}

TEST_F(DecoderTraining, RefusesWhatDoesNotFit) {
  MaskDecoder decoder({2}, small);
  decoder.parameters().materialise(1);
  const DecoderMasks masks = masks_in_memory(truth(noise(1)));
  const auto train_on = [&](const DecoderFeatures& features, const DecoderMasks& some) {
    train_decoder(decoder, features, some, short_training(), 3, folder / "a", "id", never, {});
  };
  EXPECT_THAT(message_of<InputError>([&] {
                train_on(features_in_memory({normal({12, 3, 8, 8}, 1)}), masks);
              }),
              HasSubstr("features of 3 channels; the decoder takes 2"));
  EXPECT_THAT(message_of<InputError>([&] { train_on(chosen_features(features_in_memory({noise(1)}), {}), masks); }),
              HasSubstr("no image"));
  EXPECT_THAT(message_of<InputError>([] {
                masks_in_memory(normal({2, 8}, 1));
              }),
              HasSubstr("accepted: [images, height, width] in uint8 or float32"));
  EXPECT_THAT(message_of<InputError>([] {
                masks_in_memory(at::full({1, 2, 2}, 1.5));
              }),
              HasSubstr("a value outside [0, 1]"));
  EXPECT_THAT(message_of<InputError>([] {
                masks_in_memory(at::full({1, 2, 2}, std::numeric_limits<double>::quiet_NaN()));
              }),
              HasSubstr("a value outside [0, 1]"));
}

TEST(DecoderTrainOptions, AreReadWithTheirRanges) {
  const DecoderTrainOptions options{.steps = 7, .batch = 2, .learning_rate = 0.5, .weight_decay = 0.25};
  EXPECT_EQ(to_json(read_decoder_train_options(to_json(options), "train")), to_json(options));
  const DecoderTrainOptions usual = read_decoder_train_options(nlohmann::json::object(), "train");
  EXPECT_EQ(usual.steps, 20000);
  EXPECT_EQ(usual.batch, 16);
  EXPECT_EQ(usual.learning_rate, 1e-4);
  EXPECT_THAT(message_of<InputError>([] {
                read_decoder_train_options({{"batch", 0}}, "train");
              }),
              HasSubstr("train.batch: 0 is out of range"));
}

}  // namespace
}  // namespace assay::diffusion_seg
