#include "reproductions/diffusion_seg/mask_scores.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace assay::diffusion_seg {
namespace {

/// [1, 6, 6], 255 in the columns [left, right) of all rows.
at::Tensor stripe(std::int64_t left, std::int64_t right) {
  at::Tensor mask = at::zeros({1, 6, 6}, at::kByte);
  mask.narrow(2, left, right - left).fill_(255);
  return mask;
}

const Score& score(const StageOutput& out, const std::string& name) {
  for (const Score& found : out.scores)
    if (found.name == name) return found;
  throw std::out_of_range(name);
}

TEST(MaskScores, OfOverlappingStripesAreWorkedOutByHand) {
  // Two columns of three agree: 2 / 4 of the union, 4 of 6 columns right.
  const MaskScores scores = score_masks(stripe(1, 4), stripe(2, 5));
  EXPECT_DOUBLE_EQ(scores.iou[0], 0.5);
  StageOutput out;
  add_mask_scores(out, "arm", scores, {20, 0});
  EXPECT_DOUBLE_EQ(score(out, "iou").value, 0.5);
  EXPECT_NEAR(score(out, "accuracy").value, 4.0 / 6, 1e-12);
  // Precision and recall are 2 / 3, and so is F.
  EXPECT_NEAR(score(out, "max_f").value, 2.0 / 3, 1e-12);
  // Each border is one column from the true one.
  EXPECT_DOUBLE_EQ(score(out, "boundary_f").value, 1.0);
  EXPECT_LT(score_masks(stripe(0, 1), stripe(4, 5)).boundary_f[0], 1e-12);
}

TEST(MaskScores, SoftMapsAreCutAtOneHalf) {
  at::Tensor map = stripe(2, 4);
  map.narrow(2, 0, 1).fill_(127);
  EXPECT_DOUBLE_EQ(score_masks(map, stripe(2, 4)).iou[0], 1.0);
  map.narrow(2, 0, 1).fill_(128);
  EXPECT_NEAR(score_masks(map, stripe(2, 4)).iou[0], 2.0 / 3, 1e-12);
}

TEST(MaskScores, AlongGreyLevelsPrecisionAndRecallAreWorkedOutByHand) {
  // Columns 2 and 3 are the object. The map has 255 in column 2, 100 in columns 3 and 4, 0 elsewhere.
  at::Tensor map = stripe(2, 3);
  map.narrow(2, 3, 2).fill_(100);
  StageOutput out;
  add_mask_scores(out, "arm", score_masks(map, stripe(2, 4)), {20, 0});
  ASSERT_EQ(out.curves.size(), 3U);
  const auto at = [&](std::size_t curve, std::int64_t level) {
    const Curve& found = out.curves[curve];
    const auto place = std::find(found.steps.begin(), found.steps.end(), level) - found.steps.begin();
    return found.values.at(static_cast<std::size_t>(place));
  };
  EXPECT_EQ(out.curves[0].name, "mask precision: arm");
  EXPECT_EQ(out.curves[1].name, "mask recall: arm");
  EXPECT_EQ(out.curves[2].name, "mask F: arm");
  // Level 0: all six columns. Levels to 90: three columns, of which two are right. Above: one, which is right.
  EXPECT_NEAR(at(0, 0), 2.0 / 6, 1e-12);
  EXPECT_NEAR(at(1, 0), 1.0, 1e-12);
  EXPECT_NEAR(at(0, 90), 2.0 / 3, 1e-12);
  EXPECT_NEAR(at(1, 90), 1.0, 1e-12);
  EXPECT_NEAR(at(2, 90), 1.3 * (2.0 / 3) / (0.3 * (2.0 / 3) + 1), 1e-12);
  for (const std::int64_t level : {105, 255}) {
    EXPECT_NEAR(at(0, level), 1.0, 1e-12);
    EXPECT_NEAR(at(1, level), 0.5, 1e-12);
  }
}

TEST(MaskScores, FoundNowhereIsPreciseAndRecallsNothing) {
  StageOutput out;
  add_mask_scores(out, "arm", score_masks(stripe(0, 0), stripe(2, 4)), {20, 0});
  EXPECT_EQ(out.curves[0].values.back(), 1.0);
  EXPECT_EQ(out.curves[1].values.back(), 0.0);
  EXPECT_EQ(out.curves[2].values.back(), 0.0);
}

TEST(Differences, ArePairedByImage) {
  const std::vector<double> a = {0.5, 0.9, 0.1}, b = {0.4, 0.8, 0.0};
  StageOutput out;
  add_difference(out, "iou", "tokencut", {"a", &a}, {"b", &b}, {50, 1});
  EXPECT_EQ(out.scores[0].arm, "a - b");
  EXPECT_EQ(out.scores[0].name, "iou difference");
  EXPECT_NEAR(out.scores[0].value, 0.1, 1e-12);
  EXPECT_NEAR(out.scores[0].interval->low, 0.1, 1e-12) << "every image says the same";
  EXPECT_NEAR(out.scores[0].interval->high, 0.1, 1e-12);
}

TEST(Boxes, AreAroundTheLargestPiece) {
  at::Tensor map = at::zeros({2, 6, 6}, at::kByte);
  map[0].narrow(0, 0, 3).narrow(1, 1, 2).fill_(200);
  map[0].narrow(0, 5, 1).narrow(1, 4, 2).fill_(255);
  const auto boxes = boxes_of(map);
  ASSERT_TRUE(boxes[0].has_value());
  EXPECT_EQ(*boxes[0], (BoxCorners{1, 0, 3, 3}));
  EXPECT_FALSE(boxes[1].has_value());
  EXPECT_EQ(box_hits(boxes, {{1, 0, 3, 3}, {0, 0, 6, 6}}), (std::vector<double>{1.0, 0.0})) << "no box is a miss";
}

}  // namespace
}  // namespace assay::diffusion_seg
