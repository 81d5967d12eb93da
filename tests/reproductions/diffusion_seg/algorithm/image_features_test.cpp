#include "reproductions/diffusion_seg/algorithm/image_features.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "core/error.h"
#include "diffusion/networks/sd/feature_taps.h"
#include "diffusion/networks/sd/observed_denoiser.h"
#include "diffusion/sampling/diffusers/make_scheduler.h"
#include "reproductions/samples/image_tensors.h"
#include "reproductions/samples/sample_noise.h"
#include "tests/diffusion/small_text_to_image.h"
#include "tests/support/tensors.h"
#include "tests/support/throws.h"

namespace assay::diffusion_seg {
namespace {

using test::max_abs_difference;
using test::message_of;
using test::same_bits;
using ::testing::HasSubstr;

const FeatureOptions options = {.convention = InversionConvention::diffusers,
                                .steps = 5,
                                .prediction = 2,
                                .blocks = {"up_blocks.0", "up_blocks.1"}};
const PassShape one_by_one = {1, true, 0};

at::Tensor images(std::int64_t count) {
  return (test::normal({count, 3, 4, 4}, 3) * 60 + 128).clamp(0, 255).to(at::kByte);
}

std::vector<at::Tensor> features(FeatureKind kind, const at::Tensor& of, const PassShape& passes = one_by_one,
                                 std::uint64_t seed = 0) {
  const auto model = test::small_text_to_image();
  std::vector<std::int64_t> numbers;
  for (std::int64_t i = 0; i < of.size(0); ++i) numbers.push_back(100 + i);
  return image_features(*model, kind, options, of, numbers, seed, passes, [](std::int64_t) {});
}

TEST(ImageFeatures, OfPixelsAreThePixels) {
  const at::Tensor given = images(2);
  const std::vector<at::Tensor> found = features(FeatureKind::rgb, given);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_TRUE(same_bits(found[0], from_bytes(given)));
}

TEST(ImageFeatures, OfTheInversionAreWhatTheBlocksGiveAtThatPrediction) {
  const at::Tensor given = images(1);
  const auto model = test::small_text_to_image();
  const Inversion inversion = inversion_of(*model, options.convention, options.steps);
  FeatureTaps taps(options.blocks, {2}, 1);
  inversion.invert(ObservedDenoiser(*model, taps), Condition(), from_bytes(given));
  const std::vector<at::Tensor> found = features(FeatureKind::inversion, given);
  ASSERT_EQ(found.size(), 2U);
  for (std::size_t k = 0; k < 2; ++k) EXPECT_TRUE(same_bits(found[k], taps.features(options.blocks[k], 2)));
}

TEST(ImageFeatures, OfNoisedImagesAreThoseOfTheForwardProcessAtTheSameTimeStep) {
  const at::Tensor given = images(1);
  const auto model = test::small_text_to_image();
  const std::int64_t t = feature_timestep(*model, options);
  EXPECT_EQ(t, inversion_of(*model, options.convention, options.steps).steps()[2].timestep);
  const double alpha_bar = schedule_of_config(model->config().scheduler, "test").alpha_bar[static_cast<std::size_t>(t)];
  const at::Tensor noise = sample_noise(100, 1, {3, 4, 4}, 9),
                   x = from_bytes(given) * std::sqrt(alpha_bar) + noise * std::sqrt(1 - alpha_bar);
  FeatureTaps taps(options.blocks, {0}, 1);
  ObservedDenoiser(*model, taps).predict(x, at::full({1}, t, at::kLong), Condition());
  const std::vector<at::Tensor> found = features(FeatureKind::noised, given, one_by_one, 9);
  for (std::size_t k = 0; k < 2; ++k)
    EXPECT_LT(max_abs_difference(found[k], taps.features(options.blocks[k], 0)), 1e-5);
  EXPECT_GT(max_abs_difference(features(FeatureKind::noised, given, one_by_one, 10)[0], found[0]), 1e-3)
      << "other noise";
}

TEST(ImageFeatures, OfAnImageDependOnNoOther) {
  const at::Tensor given = images(5);
  const PassShape passes{2, true, 2};
  for (const FeatureKind kind : {FeatureKind::inversion, FeatureKind::noised}) {
    const std::vector<at::Tensor> all = features(kind, given, passes),
                                  first = features(kind, given.narrow(0, 0, 1), passes);
    for (std::size_t k = 0; k < all.size(); ++k) {
      EXPECT_EQ(all[k].size(0), 5);
      EXPECT_TRUE(same_bits(all[k].narrow(0, 0, 1), first[k]));
    }
  }
}

TEST(ImageFeatures, RefusePredictionsThatTheInversionDoesNotMake) {
  const auto model = test::small_text_to_image();
  FeatureOptions beyond = options;
  beyond.prediction = 5;
  EXPECT_THAT(message_of<InputError>([&] { feature_timestep(*model, beyond); }), HasSubstr("accepted: 0 to 4"));
}

TEST(Reconstructed, AreWhatTheWayBackGives) {
  const auto model = test::small_text_to_image();
  const at::Tensor given = images(3);
  const Inversion inversion = inversion_of(*model, options.convention, options.steps);
  const at::Tensor back = reconstructed(*model, inversion, given, one_by_one, [](std::int64_t) {});
  for (std::int64_t i = 0; i < 3; ++i) {
    const at::Tensor noise = inversion.invert(*model, Condition(), from_bytes(given.narrow(0, i, 1)));
    EXPECT_TRUE(same_bits(back.narrow(0, i, 1), inversion.sample(*model, Condition(), noise))) << i;
  }
}

}  // namespace
}  // namespace assay::diffusion_seg
