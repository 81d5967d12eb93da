#include "metrics/features/conv_encoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "core/file.h"
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
using ::testing::HasSubstr;

at::Tensor unit_images(std::int64_t count, std::uint64_t seed) { return normal({count, 3, 8, 8}, seed).clamp(-1, 1); }

TEST(ConvEncoder, RoundTripsThroughItsFile) {
  const TemporaryFolder folder;
  const ConvEncoder saved({8, 6, 4}, 1);
  ConvEncoder loaded({8, 6, 4}, 2);
  const at::Tensor images = unit_images(3, 5);
  saved.save(folder / "encoder", "trained on this");
  EXPECT_FALSE(same_bits(features_in_batches(loaded, images), features_in_batches(saved, images)));
  loaded.load(folder / "encoder", "trained on this");
  EXPECT_TRUE(same_bits(features_in_batches(loaded, images), features_in_batches(saved, images)));
  EXPECT_TRUE(
      same_bits(loaded.head(features_in_batches(loaded, images)), saved.head(features_in_batches(saved, images))));
}

TEST(ConvEncoder, RefusesFilesOfSomethingElse) {
  const TemporaryFolder folder;
  const ConvEncoder saved({8, 6, 4}, 1);
  saved.save(folder / "encoder", "trained on this");
  ConvEncoder same({8, 6, 4}, 2), wider({16, 6, 4}, 2);
  EXPECT_THAT(message_of<InputError>([&] { same.load(folder / "encoder", "trained on that"); }),
              HasSubstr("another network"));
  EXPECT_THAT(message_of<InputError>([&] { wider.load(folder / "encoder", "trained on this"); }),
              HasSubstr("another shape"));
  const std::string whole = read_file(folder / "encoder");
  folder.file("cut", whole.substr(0, whole.size() - 1));
  EXPECT_THAT(message_of<InputError>([&] { same.load(folder / "cut", "trained on this"); }), HasSubstr("cut"));
}

TEST(ConvEncoder, GivesFeaturesOfItsWidthsForAnyNumberOfImages) {
  const ConvEncoder encoder({8, 6, 4}, 1);
  const at::Tensor images = unit_images(65, 5);  // one more than a batch
  const at::Tensor pooled = pooled_in_batches(encoder, images);
  ASSERT_EQ(pooled.sizes(), (at::IntArrayRef{65, 32}));
  const at::Tensor features = features_in_batches(encoder, images);
  ASSERT_EQ(features.sizes(), (at::IntArrayRef{65, 6}));
  EXPECT_LT(max_abs_difference(features.narrow(0, 64, 1), features_in_batches(encoder, images.narrow(0, 64, 1))), 1e-5);
  EXPECT_LT(max_abs_difference(encoder.features(pooled), features), 1e-5);
}

TEST(ConvEncoder, DescendsAlongTheGradient) {
  ConvEncoder encoder({8, 6, 4}, 1);
  const at::Tensor images = unit_images(4, 5);
  const auto loss = [&] { return encoder.head(encoder.features(encoder.pooled(images))).square().mean(); };
  const double before = loss().item<double>();
  for (int i = 0; i < 10; ++i) encoder.descend(loss(), 1e-2, 0.0);
  EXPECT_LT(loss().item<double>(), 0.5 * before);
}

TEST(ConvEncoder, RefusesSizesOutOfRange) {
  EXPECT_THAT(message_of<InputError>([] { ConvEncoder({12, 6, 4}, 1); }), HasSubstr("multiple of 8"));
  EXPECT_THROW(ConvEncoder({8, 0, 4}, 1), InputError);
}

}  // namespace
}  // namespace assay
