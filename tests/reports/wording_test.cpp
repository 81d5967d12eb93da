#include "reports/wording.h"

#include <gtest/gtest.h>

namespace assay {
namespace {

TEST(Wording, SpellsScoresAsTheFieldDoes) {
  EXPECT_EQ(metric_title("fd"), "FD");
  EXPECT_EQ(metric_title("iou"), "IoU");
  EXPECT_EQ(metric_title("sfid"), "sFID");
  EXPECT_EQ(metric_title("corloc"), "CorLoc");
  EXPECT_EQ(metric_title("max_f"), "Max F");
}

TEST(Wording, WritesOtherScoresAsAPhrase) {
  EXPECT_EQ(metric_title("accuracy_one_to_one"), "Accuracy one to one");
  EXPECT_EQ(metric_title(""), "");
}

}  // namespace
}  // namespace assay
