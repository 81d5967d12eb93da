#include "metrics/features/small_features.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/error.h"
#include "datasets/dataset.h"
#include "metrics/features/conv_encoder.h"
#include "reproductions/samples/image_tensors.h"
#include "tests/support/throws.h"

namespace assay {
namespace {

using test::message_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(CaptionVocabulary, CountsLowerCaseWordsOnceACaption) {
  const std::vector<std::string> captions = {"Red heart, HEART!", "a red-heart x", "blue 2nd heart", "blues"};
  EXPECT_THAT(caption_vocabulary(captions, 1), ElementsAre("blue", "blues", "heart", "nd", "red"));
  EXPECT_THAT(caption_vocabulary(captions, 2), ElementsAre("heart", "red"));
  EXPECT_THAT(caption_vocabulary(captions, 3), ElementsAre("heart"));
  EXPECT_THAT(caption_vocabulary(captions, 4), IsEmpty());
}

TEST(SmallFeatures, TrainsToNameTheWordsOfCaptions) {
  DatasetSpec spec;
  spec.name = "shapes";
  spec.size = 16;
  spec.count = 60;
  const LabelledImages set = load_images(*open_dataset(spec), Split::train);
  SmallFeaturesOptions options;
  options.width = 8;
  options.features = 16;
  options.steps = 60;
  options.batch = 16;
  options.least_occurrences = 5;
  std::vector<double> loss;
  const ConvEncoder encoder = train_small_features(set.images, set.captions, options, 2,
                                                   [&](std::int64_t, double value) { loss.push_back(value); });
  ASSERT_THAT(loss, SizeIs(60));
  EXPECT_LT(loss.back(), 0.9 * loss.front());
  EXPECT_EQ(encoder.config().outputs, static_cast<std::int64_t>(caption_vocabulary(set.captions, 5).size()));
  EXPECT_EQ(empty_small_features(set.captions, options).config().outputs, encoder.config().outputs);
}

TEST(SmallFeatures, RefusesCaptionsWithoutAFrequentWord) {
  SmallFeaturesOptions options;
  options.least_occurrences = 2;
  EXPECT_THAT(message_of<InputError>([&] {
                empty_small_features({"one", "two"}, options);
              }),
              HasSubstr("no word occurs in 2 captions"));
}

}  // namespace
}  // namespace assay
