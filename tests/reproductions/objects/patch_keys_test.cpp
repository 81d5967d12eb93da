#include "reproductions/objects/patch_keys.h"

#include <ATen/TensorOperators.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "reproductions/objects/self_distillation.h"
#include "tests/support/tensors.h"
#include "tests/support/throws.h"

namespace assay {
namespace {

SelfDistillationOptions small() {
  SelfDistillationOptions o;
  o.width = 12;
  o.depth = 2;
  o.heads = 3;
  return o;
}

TEST(PaddedPhotograph, IsNormalisedAndPaddedWithTheMeanColour) {
  Image image(3, 2, 3);
  image.at(2, 1)[0] = 255;
  image.at(2, 1)[2] = 51;
  const at::Tensor padded = padded_photograph(image, 4);
  ASSERT_EQ(padded.sizes(), at::IntArrayRef({1, 3, 4, 4}));
  EXPECT_NEAR(padded[0][0][1][2].item<double>(), (1 - 0.485) / 0.229, 1e-5);
  EXPECT_NEAR(padded[0][1][1][2].item<double>(), -0.456 / 0.224, 1e-5);
  EXPECT_NEAR(padded[0][2][1][2].item<double>(), (0.2 - 0.406) / 0.225, 1e-5);
  EXPECT_EQ(padded.narrow(2, 2, 2).abs().max().item<double>(), 0);
  EXPECT_EQ(padded.narrow(3, 3, 1).abs().max().item<double>(), 0);
  EXPECT_THAT(test::message_of<InputError>([] { padded_photograph(Image(3, 2, 1), 4); }),
              ::testing::HasSubstr("1 channels"));
}

TEST(PatchKeys, AreTheLastKeysWithoutTheClassToken) {
  const VisionTransformer network = untrained_network(small(), 16, 3);
  const at::Tensor images = test::normal({2, 3, 24, 16}, 1);
  const LocalFeatures features = patch_keys(network, images);
  EXPECT_EQ(features.rows, 6);
  EXPECT_EQ(features.columns, 4);
  EXPECT_EQ(features.patch, 4);
  EXPECT_LT(test::max_abs_difference(features.values, network.forward(images).last_k.narrow(1, 1, 24)), 1e-6);
}

TEST(PatchKeys, OfManyPassesAreInTheirPlaces) {
  const VisionTransformer network = untrained_network(small(), 16, 3);
  // 256 images of 16 patches are a pass.
  const at::Tensor images = test::normal({262, 3, 16, 16}, 1);
  const at::Tensor keys = patch_keys(network, images).values;
  ASSERT_EQ(keys.size(0), 262);
  EXPECT_LT(test::max_abs_difference(keys.narrow(0, 250, 10), patch_keys(network, images.narrow(0, 250, 10)).values),
            1e-5);
}

}  // namespace
}  // namespace assay
