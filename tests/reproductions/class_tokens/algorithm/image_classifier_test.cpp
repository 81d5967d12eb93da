#include "reproductions/class_tokens/algorithm/image_classifier.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "tests/support/tensors.h"

namespace assay::class_tokens {
namespace {

/// Dark images of class 0, light ones of class 1, with noise.
at::Tensor images(std::int64_t count) {
  at::Tensor x = 0.2 * test::normal({count, 3, 8, 8}, 1);
  for (std::int64_t i = 0; i < count; ++i) x[i] += i % 2 == 0 ? -0.4 : 0.4;
  return x;
}
std::vector<std::int64_t> labels(std::int64_t count) {
  std::vector<std::int64_t> found;
  found.reserve(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) found.push_back(i % 2);
  return found;
}

ImageClassifierOptions small() {
  ImageClassifierOptions options;
  options.width = 8;
  options.features = 8;
  options.steps = 30;
  options.batch = 16;
  options.learning_rate = 1e-2;
  return options;
}

TEST(ImageClassifier, LearnsToTellDarkImagesFromLightOnes) {
  const ConvEncoder classifier = train_image_classifier(images(40), labels(40), 2, small(), 3, {});
  EXPECT_EQ(classes_seen(classifier, images(40)), labels(40));
}

TEST(ImageClassifier, NeverSeesImagesOfNoWeight) {
  // Light images alone are seen, under both labels: dark ones are then no class of their own.
  std::vector<double> weights(40, 1.0);
  for (std::size_t i = 0; i < weights.size(); i += 2) weights[i] = 0;
  const ConvEncoder classifier = train_image_classifier(images(40), labels(40), 2, small(), 3, {}, weights);
  const std::vector<std::int64_t> seen = classes_seen(classifier, images(40));
  EXPECT_THAT(seen, ::testing::Each(1));
}

}  // namespace
}  // namespace assay::class_tokens
