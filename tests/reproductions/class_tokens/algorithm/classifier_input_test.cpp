#include "reproductions/class_tokens/algorithm/classifier_input.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/support/tensors.h"
#include "tests/support/throws.h"

namespace assay::class_tokens {
namespace {

using test::message_of;
using ::testing::HasSubstr;

TEST(ClassifierInput, TakesTheMeanFromEveryChannelAndDividesByItsDeviation) {
  const ClassifierInput options = classifier_input_of(PublishedClassifier::cub);
  const at::Tensor seen = classifier_input(at::full({1, 3, 32, 48}, 0.7), options);
  EXPECT_EQ(seen.sizes(), (at::IntArrayRef{1, 3, 224, 224}));
  for (std::int64_t c = 0; c < 3; ++c) {
    const auto i = static_cast<std::size_t>(c);
    const double expected = (0.7 - options.mean[i]) / options.deviation[i];
    EXPECT_NEAR(seen[0][c].max().item<double>(), expected, 1e-4);
    EXPECT_NEAR(seen[0][c].min().item<double>(), expected, 1e-4);
  }
}

TEST(ClassifierInput, KeepsTheCentre) {
  const at::Tensor image = test::normal({1, 3, 7, 9}, 1), even = image.narrow(2, 0, 6);
  ClassifierInput options;
  options.crop = 3;
  EXPECT_TRUE(test::same_bits(classifier_input(image, options), image.narrow(2, 2, 3).narrow(3, 3, 3) / 1.0));
  options.crop = 4;
  EXPECT_LT(test::max_abs_difference(classifier_input(even, options),
                                     (even.narrow(2, 1, 4).narrow(3, 2, 4) + even.narrow(2, 1, 4).narrow(3, 3, 4)) / 2),
            1e-6);
  options.crop = 7;
  EXPECT_THAT(message_of<InputError>([&] { classifier_input(even, options); }),
              HasSubstr("images of 9x6; accepted: at least 7 pixels a side"));
}

TEST(ClassifierInput, PassesTheGradientOfTheSumOnToThePixels) {
  // Bicubic weights sum to 1 for every output pixel, so the gradients of all pixels sum to the number of outputs
  // divided by the deviation.
  at::Tensor image = test::normal({1, 3, 20, 20}, 1);
  image.set_requires_grad(true);
  classifier_input(image, classifier_input_of(PublishedClassifier::inet)).sum().backward();
  EXPECT_NEAR(image.grad().sum().item<double>() / (3 * 224 * 224 / 0.5), 1.0, 1e-4);
}

}  // namespace
}  // namespace assay::class_tokens
