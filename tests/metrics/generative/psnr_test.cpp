#include "metrics/generative/psnr.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/error.h"
#include "tests/support/tensors.h"
#include "tests/support/throws.h"

namespace assay {
namespace {

using test::message_of;
using test::normal;
using ::testing::DoubleEq;
using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Psnr, OfAConstantDifferenceIsThatOfTheRange) {
  const at::Tensor zero = at::full({2, 3, 4, 4}, 0.25, at::kDouble), off = zero + 0.1;
  // 20 log10(range / difference).
  EXPECT_THAT(psnr(off, zero, 1), ElementsAre(DoubleNear(20, 1e-9), DoubleNear(20, 1e-9)));
  EXPECT_THAT(psnr(off, zero, 2), ElementsAre(DoubleNear(20 + 20 * std::log10(2.0), 1e-9), ::testing::_));
}

TEST(Psnr, IsOfEachImageByItself) {
  const at::Tensor images = normal({2, 3, 4, 4}, 1);
  const at::Tensor changed = at::cat({images.narrow(0, 0, 1), images.narrow(0, 1, 1) + 0.01});
  const auto values = psnr(changed, images, 1);
  EXPECT_EQ(values[0], std::numeric_limits<double>::infinity()) << "an equal image";
  EXPECT_NEAR(values[1], 40, 1e-3);
}

TEST(Psnr, TakesBytesWithoutWrapping) {
  const at::Tensor dark = at::full({1, 1, 2, 2}, 0, at::kByte), bright = at::full({1, 1, 2, 2}, 255, at::kByte);
  EXPECT_THAT(psnr(dark, bright, 255), ElementsAre(DoubleEq(0)));
  EXPECT_THAT(psnr(bright, dark, 255), ElementsAre(DoubleEq(0)));
}

TEST(Psnr, RefusesWhatCannotBeCompared) {
  const at::Tensor a = normal({2, 3, 4, 4}, 1);
  EXPECT_THAT(message_of<Error>([&] { psnr(a, a.narrow(0, 0, 1), 1); }), HasSubstr("two shapes"));
  EXPECT_THAT(message_of<Error>([&] { psnr(a, a, 0); }), HasSubstr("range of 0"));
}

}  // namespace
}  // namespace assay
