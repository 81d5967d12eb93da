#include "core/mask_curve_names.h"

#include <gtest/gtest.h>

namespace assay {
namespace {

TEST(MaskCurveNames, AreReadAsTheyWereWritten) {
  for (const MaskCurve kind : {MaskCurve::precision, MaskCurve::recall, MaskCurve::f}) {
    const auto read = read_mask_curve_name(name_of({kind, "cut: 8"}));
    ASSERT_TRUE(read.has_value());
    EXPECT_EQ(read->kind, kind);
    EXPECT_EQ(read->arm, "cut: 8");
  }
}

TEST(MaskCurveNames, ALossIsNone) { EXPECT_FALSE(read_mask_curve_name("loss: mse").has_value()); }

}  // namespace
}  // namespace assay
