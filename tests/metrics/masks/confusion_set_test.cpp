#include "metrics/masks/confusion_set.h"

#include <gtest/gtest.h>

#include <vector>

#include "metrics/statistics/bootstrap.h"

namespace assay {
namespace {

using Labels = std::vector<std::uint8_t>;

/// Three images of four pixels and three classes.
const std::vector<Confusion>& images() {
  static const std::vector<Confusion> all = {confusion(Labels{0, 0, 1, 1}, Labels{0, 1, 1, 1}, 2, 3),
                                             confusion(Labels{2, 2, 0, 255}, Labels{2, 0, 0, 0}, 2, 3),
                                             confusion(Labels{0, 0, 0, 0}, Labels{0, 0, 0, 2}, 2, 3)};
  return all;
}

ConfusionSet set_of_images() {
  ConfusionSet set(3, 3);
  for (std::size_t i = 0; i < 3; ++i) set.set(static_cast<std::int64_t>(i), images()[i]);
  return set;
}

TEST(ConfusionSet, ScoresOneConfusionOfAllImages) {
  Confusion sum(3);
  for (const Confusion& image : images()) sum.add(image);
  const ConfusionScores want = scores(sum), found = set_of_images().scores();
  EXPECT_EQ(found.iou, want.iou);
  EXPECT_EQ(found.mean_iou, want.mean_iou);
  EXPECT_EQ(found.accuracy, want.accuracy);
}

TEST(ConfusionSet, ReplicatesDrawImagesOverAnyNumberOfThreads) {
  const auto one = set_of_images().bootstrap(5, 7, 1), two = set_of_images().bootstrap(5, 7, 2);
  ASSERT_EQ(one.size(), 5U);
  for (std::int64_t r = 0; r < 5; ++r) {
    Confusion sum(3);
    for (const std::int64_t i : resample_indices(3, 7, r)) sum.add(images()[static_cast<std::size_t>(i)]);
    EXPECT_EQ(one[static_cast<std::size_t>(r)].accuracy, scores(sum).accuracy);
    EXPECT_EQ(two[static_cast<std::size_t>(r)].accuracy, scores(sum).accuracy);
  }
  EXPECT_TRUE(ConfusionSet(1, 3).bootstrap(5, 7, 1).empty());
}

TEST(ConfusionSet, KnowsWhetherTheTruthIsClassZeroAlone) {
  EXPECT_FALSE(set_of_images().holds_class_zero_alone());
  ConfusionSet zeros(1, 3);
  zeros.set(0, images()[2]);
  EXPECT_TRUE(zeros.holds_class_zero_alone());
}

}  // namespace
}  // namespace assay
