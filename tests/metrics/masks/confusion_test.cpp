#include "metrics/masks/confusion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "core/error.h"
#include "tests/support/throws.h"

namespace assay {
namespace {

using Labels = std::vector<std::uint8_t>;

TEST(Confusion, LeavesOutPixelsWhoseTruthIs255) {
  const Labels truth = {0, 0, 1, 255, 1, 2}, predicted = {0, 1, 1, 2, 0, 2};
  const ConfusionScores found = scores(confusion(truth, predicted, 3, 4));
  EXPECT_DOUBLE_EQ(found.iou[0], 1.0 / 3.0);
  EXPECT_DOUBLE_EQ(found.iou[1], 1.0 / 3.0);
  EXPECT_DOUBLE_EQ(found.iou[2], 1.0);
  EXPECT_TRUE(std::isnan(found.iou[3]));
  EXPECT_DOUBLE_EQ(found.mean_iou, (1.0 / 3.0 + 1.0 / 3.0 + 1.0) / 3.0);
  EXPECT_DOUBLE_EQ(found.accuracy, 3.0 / 5.0);
}

TEST(Confusion, AddsOverImagesBeforeItDivides) {
  Confusion sum = confusion(Labels{1, 1, 0, 0}, Labels{1, 1, 0, 0}, 2, 2);
  sum.add(confusion(Labels{1, 0, 0, 0}, Labels{0, 1, 0, 0}, 2, 2));
  EXPECT_DOUBLE_EQ(scores(sum).iou[1], 2.0 / 4.0);
}

TEST(Confusion, IsUndefinedWithoutCountedPixels) {
  const ConfusionScores found = scores(confusion(Labels{255, 255}, Labels{0, 9}, 2, 2));
  EXPECT_TRUE(std::isnan(found.mean_iou) && std::isnan(found.accuracy));
}

TEST(Confusion, NamesALabelThatIsNoClassAndItsPlace) {
  EXPECT_THAT(test::message_of<InputError>([] {
                confusion(Labels{0, 0, 0, 7}, Labels{0, 0, 0, 0}, 2, 3);
              }),
              ::testing::HasSubstr("true label 7 at column 1, row 1; accepted: 0 to 2, and 255"));
  EXPECT_THAT(test::message_of<InputError>([] {
                confusion(Labels{0, 0}, Labels{0, 255}, 2, 3);
              }),
              ::testing::HasSubstr("predicted label 255 at column 1, row 0; accepted: 0 to 2"));
}

}  // namespace
}  // namespace assay
