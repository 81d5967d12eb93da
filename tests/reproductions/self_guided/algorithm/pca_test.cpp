#include "reproductions/self_guided/algorithm/pca.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/support/tensors.h"
#include "tests/support/throws.h"

namespace assay::self_guided {
namespace {

using test::max_abs_difference;
using test::message_of;
using test::normal;
using test::same_bits;
using test::values;
using ::testing::HasSubstr;

TEST(Pca, FindsTheAxesOfTwoDimensionsByHand) {
  // (3, 4) and (-4, 3) are orthogonal, of length 5; along the first the points spread by 2, along the second by 1.
  const at::Tensor points =
      values({7, 9, -5, -7, -3, 4, 5, -2}, {4, 1, 1, 2});  // (1, 1) + {2, -2} u, (1, 1) + {1, -1} v
  const at::Tensor found = pca_features(points, 2);
  EXPECT_LT(max_abs_difference(found.select(1, 0).abs(), values({10, 10, 0, 0})), 1e-4);
  EXPECT_LT(max_abs_difference(found.select(1, 1).abs(), values({0, 0, 5, 5})), 1e-4);
  EXPECT_NEAR(found.select(1, 0).sum().item<double>(), 0.0, 1e-4);
  EXPECT_TRUE(same_bits(pca_features(points, 1).select(1, 0), found.select(1, 0)));
  EXPECT_TRUE(same_bits(pca_features(points.narrow(0, 0, 2), 2, points), found.narrow(0, 0, 2)));
}

TEST(Pca, RefusesMoreComponentsThanPixels) {
  EXPECT_THAT(message_of<InputError>([] { pca_features(normal({4, 1, 1, 2}, 1), 3); }), HasSubstr("3 components of 2"));
  EXPECT_THROW(pca_features(normal({4, 1, 1, 2}, 1), 0), InputError);
}

}  // namespace
}  // namespace assay::self_guided
