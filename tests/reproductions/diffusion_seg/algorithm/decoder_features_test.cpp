#include "reproductions/diffusion_seg/algorithm/decoder_features.h"

#include <ATen/TensorOperators.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "core/error.h"
#include "core/safetensors.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tensors.h"
#include "tests/support/throws.h"

namespace assay::diffusion_seg {
namespace {

using test::indices;
using test::message_of;
using test::normal;
using test::same_bits;
using test::TemporaryFolder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// Two scales of five images; the second is in half precision.
std::vector<at::Tensor> two_scales() { return {normal({5, 2, 3, 4}, 1), normal({5, 3, 2, 2}, 2).to(at::kHalf)}; }

void expect_rows(const DecoderFeatures& features, const std::vector<std::int64_t>& images) {
  const std::vector<at::Tensor> chosen = features.load(images), all = two_scales();
  ASSERT_EQ(chosen.size(), 2u);
  for (std::size_t k = 0; k < 2; ++k)
    EXPECT_TRUE(same_bits(chosen[k], all[k].index_select(0, indices(images)).to(at::kFloat))) << "scale " << k;
}

TEST(DecoderFeatures, AreTheSameFromMemoryAndFromFiles) {
  const TemporaryFolder folder;
  std::vector<at::Tensor> first, second;
  for (const at::Tensor& maps : two_scales()) {
    first.push_back(maps.narrow(0, 0, 2));
    second.push_back(maps.narrow(0, 2, 3));
  }
  write_features(folder / "a", first);
  write_features(folder / "b", second);
  const DecoderFeatures stored = features_in_files({folder / "a", folder / "b"}),
                        held = features_in_memory(two_scales());
  for (const DecoderFeatures& features : {stored, held}) {
    EXPECT_EQ(features.count, 5);
    EXPECT_THAT(features.channels, ElementsAre(2, 3));
    expect_rows(features, {0, 1, 2, 3, 4});
    expect_rows(features, {4, 1, 1, 2});
  }
  EXPECT_THAT(message_of<Error>([&] { stored.load({5}); }), HasSubstr("image 5 of 5"));
  EXPECT_THAT(message_of<Error>([&] { stored.load({-1}); }), HasSubstr("image -1 of 5"));
}

TEST(DecoderFeatures, OfChosenImagesAreTheirs) {
  const DecoderFeatures all = features_in_memory(two_scales()), some = chosen_features(all, {4, 2, 0});
  EXPECT_EQ(some.count, 3);
  EXPECT_TRUE(same_bits(some.load({2, 0})[0], all.load({0, 4})[0]));
  EXPECT_THAT(message_of<InputError>([&] { chosen_features(all, {1, 5}); }), HasSubstr("image 5; accepted: 0 to 4"));
}

TEST(DecoderFeatures, ThatDoNotFitTogetherAreRefused) {
  const TemporaryFolder folder;
  EXPECT_THAT(message_of<InputError>([] { features_in_memory({}); }), HasSubstr("no feature map"));
  EXPECT_THAT(message_of<InputError>([] {
                features_in_memory({normal({5, 2, 3}, 1)});
              }),
              HasSubstr("float [5, 2, 3]; accepted: [images, channels, height, width]"));
  EXPECT_THAT(message_of<InputError>([] {
                features_in_memory({normal({5, 2, 3, 3}, 1), normal({4, 2, 3, 3}, 1)});
              }),
              HasSubstr("5 images in one scale and 4 in another"));
  EXPECT_THAT(message_of<InputError>([] { features_in_files({}); }), HasSubstr("no file"));

  write_features(folder / "a", {normal({2, 2, 3, 3}, 1)});
  write_features(folder / "other side", {normal({2, 2, 3, 4}, 1)});
  write_features(folder / "more", {normal({2, 2, 3, 3}, 1), normal({2, 2, 3, 3}, 1)});
  EXPECT_THAT(message_of<InputError>([&] {
                features_in_files({folder / "a", folder / "other side"});
              }),
              HasSubstr("scale.0 has maps [2, 3, 4]; expected those of"));
  EXPECT_THAT(message_of<InputError>([&] {
                features_in_files({folder / "a", folder / "more"});
              }),
              HasSubstr("scale.1 has maps [2, 3, 3]; expected those of"));
  EXPECT_THAT(message_of<InputError>([&] {
                features_in_files({folder / "more", folder / "a"});
              }),
              HasSubstr("1 scales; expected 2"));
  SafetensorsWriter writer;
  writer.add("scale.0", {2}, std::vector<float>{1, 2});
  writer.write(folder / "flat");
  EXPECT_THAT(message_of<InputError>([&] { features_in_files({folder / "flat"}); }),
              HasSubstr("scale.0 is F32 [2]; expected F32 or F16 [images, channels, height, width]"));
}

TEST(SoftMasks, OfAnImageDependOnNoOther) {
  MaskDecoder decoder({2, 3}, {.width = 8, .groups = 2, .side = 4});
  decoder.parameters().materialise(1);
  const DecoderFeatures all = features_in_memory(two_scales());
  std::vector<std::int64_t> done;
  const auto progress = [&](std::int64_t images) { done.push_back(images); };
  const at::Tensor masks = soft_masks(decoder, all, 6, 8, {.rows = 2, .filled = true, .side_by_side = 2}, progress);
  EXPECT_EQ(masks.sizes(), (at::IntArrayRef{5, 6, 8}));
  EXPECT_EQ(done.back(), 5);
  EXPECT_TRUE(((masks > 0) & (masks < 1)).all().item<bool>());
  const at::Tensor last = soft_masks(decoder, chosen_features(all, {4}), 6, 8, {.rows = 2, .filled = true}, progress);
  EXPECT_TRUE(same_bits(last[0], masks[4]));
  const at::Tensor none = soft_masks(decoder, chosen_features(all, {}), 6, 8, {.rows = 2}, progress);
  EXPECT_EQ(none.sizes(), (at::IntArrayRef{0, 6, 8}));
  // Of the logits, the logistic function.
  const at::Tensor logits = decoder.logits(all.load({0, 1}), 6, 8);
  EXPECT_LT(test::max_abs_difference(masks.narrow(0, 0, 2), 1 / (1 + (-logits).exp())), 1e-6);
}

}  // namespace
}  // namespace assay::diffusion_seg
