#include "reproductions/class_tokens/bias.h"

#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace assay::class_tokens {
namespace {

using ::testing::ElementsAre;

TEST(Bias, RednessIsTheMeanOfRedLessThatOfGreenAndBlue) {
  const at::Tensor images = at::zeros({2, 3, 2, 2});
  images[0][0].fill_(0.5);
  images[1][1][0][0] = 1;
  EXPECT_THAT(redness(images), ElementsAre(::testing::DoubleNear(0.5, 1e-12), ::testing::DoubleNear(-0.125, 1e-12)));
}

TEST(Bias, TheGuideSeesTheRedderHalfOfTheTargetAndTheOtherHalfOfTheRest) {
  EXPECT_THAT(biased_weights({1, 2, 3, 4, 1, 2, 3, 4}, {0, 0, 0, 0, 1, 1, 1, 1}, {1}),
              ElementsAre(1, 1, 1, 0, 0, 0, 1, 1));
}

}  // namespace
}  // namespace assay::class_tokens
