#include "metrics/masks/corloc.h"

#include <gtest/gtest.h>

#include <vector>

#include "core/error.h"

namespace assay {
namespace {

TEST(LostIou, HasNoPlusOneInWidths) {
  EXPECT_NEAR(lost_iou({0, 0, 10, 10}, {5, 0, 15, 10}), 50.0 / 150.0, 1e-7);
  EXPECT_EQ(lost_iou({0, 0, 10, 10}, {10, 0, 20, 10}), 0.0);
  EXPECT_EQ(lost_iou({0, 0, 10, 10}, {20, 20, 30, 30}), 0.0);
}

TEST(LostIou, OfTwoEmptyBoxesIsZero) { EXPECT_EQ(lost_iou({3, 3, 3, 3}, {3, 3, 3, 3}), 0.0); }

// datasets.bbox_iou(torch.tensor([0, 0, 10, 10]), torch.tensor([[0, 0, 10, 5]])) >= 0.5 is True in LOST: in float32 the
// small numbers that it adds are lost.
TEST(CorrectlyLocalised, CountsAnOverlapOfExactlyOneHalf) {
  EXPECT_TRUE(correctly_localised({0, 0, 10, 10}, std::vector<BoxCorners>{{0, 0, 10, 5}}));
  EXPECT_FALSE(correctly_localised({0, 0, 10, 10}, std::vector<BoxCorners>{{0, 0, 10, 4.99}}));
}

TEST(CorrectlyLocalised, NeedsOnlyOneOfTheTrueBoxes) {
  const std::vector<BoxCorners> truth = {{50, 50, 60, 60}, {0, 0, 9, 9}};
  EXPECT_TRUE(correctly_localised({0, 0, 10, 10}, truth));
  EXPECT_FALSE(correctly_localised({0, 0, 10, 10}, std::vector<BoxCorners>{}));
}

// The formula of Wilson 1927 with z = statistics.NormalDist().inv_cdf(0.975), in Python.
TEST(CorlocInterval, AgreesWithTheClosedForm) {
  const ScoreInterval some = corloc_interval(7, 20);
  EXPECT_NEAR(some.low, 0.18119182, 1e-8);
  EXPECT_NEAR(some.high, 0.56714572, 1e-8);
  const ScoreInterval none = corloc_interval(0, 10), all = corloc_interval(10, 10);
  EXPECT_EQ(none.low, 0.0);
  EXPECT_NEAR(none.high, 0.27753279, 1e-8);
  EXPECT_EQ(all.high, 1.0);
  EXPECT_THROW(corloc_interval(3, 2), InputError);
}

}  // namespace
}  // namespace assay
