#include "images/polygon_mask.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "core/error.h"
#include "tests/datasets/fixtures.h"
#include "tests/images/coco_cases.h"

namespace assay {
namespace {

using nlohmann::json;
using test::input_error;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> drawn(const std::vector<double>& polygon, int width, int height) {
  const Image mask = image_of(polygon_mask(polygon, width, height, "polygon"));
  std::vector<std::string> rows;
  for (int y = 0; y < height; ++y) {
    std::string& row = rows.emplace_back();
    for (int x = 0; x < width; ++x) row += *mask.at(x, y) != 0 ? '#' : '.';
  }
  return rows;
}

TEST(PolygonMask, IsAsPycocotools) {
  std::int64_t polygons = 0;
  for (const json& both : test::coco_cases())
    for (const json& shape : both["shapes"]) {
      if (!shape.contains("polygon")) continue;
      ++polygons;
      const RunLengths mask =
          polygon_mask(shape["polygon"].get<std::vector<double>>(), shape["width"], shape["height"], "case");
      ASSERT_EQ(json(mask.counts), shape["counts"]) << shape;
    }
  EXPECT_GE(polygons, 100);
}

// coco.frPyObjects([[3.0, 22.5, 0.0, 31.0, 9.0, 2.0]], 33, 17): a product and a sum that were rounded once, as g++
// makes of them unless it is told not to, give a pixel less.
TEST(PolygonMask, RoundsEveryProduct) {
  const std::vector<double> thin = {3.0, 22.5, 0.0, 31.0, 9.0, 2.0};
  EXPECT_THAT(polygon_mask(thin, 17, 33, "").counts, ElementsAre(29, 1, 29, 1, 29, 1, 29, 1, 28, 1, 29, 1, 382));
}

TEST(PolygonMask, LeavesOutTheFarEdge) {
  EXPECT_EQ(area_of(polygon_mask(std::vector<double>{0, 0, 9, 0, 9, 9, 0, 9}, 12, 12, "")), 81);
  EXPECT_EQ(drawn({1, 1, 3, 1, 3, 3, 1, 3}, 4, 4), (std::vector<std::string>{"....", ".##.", ".##.", "...."}));
}

TEST(PolygonMask, IsCutOffByTheImage) {
  EXPECT_EQ(area_of(polygon_mask(std::vector<double>{-5, -5, 20, -5, 20, 20, -5, 20}, 6, 4, "")), 24);
  EXPECT_EQ(area_of(polygon_mask(std::vector<double>{-5, -5, -1, -5, -1, 20, -5, 20}, 6, 4, "")), 0);
  EXPECT_EQ(area_of(polygon_mask(std::vector<double>{2, -5, 4, -5, 4, 20, 2, 20}, 6, 4, "")), 8);
}

// Two squares of one outline that share an area: inside twice is outside.
TEST(PolygonMask, OfACrossingOutlineCountsSides) {
  EXPECT_EQ(drawn({0, 0, 4, 0, 4, 2, 2, 2, 2, 0, 6, 0, 6, 2, 0, 2}, 6, 2),
            (std::vector<std::string>{"##..##", "##..##"}));
}

TEST(PolygonMask, WithoutAreaIsEmpty) {
  EXPECT_EQ(polygon_mask(std::vector<double>{1, 1, 1, 1, 1, 1}, 3, 3, "").counts, std::vector<std::uint32_t>{9});
  EXPECT_EQ(area_of(polygon_mask(std::vector<double>{0, 0, 3, 3, 1, 1}, 3, 3, "")), 0);
}

TEST(PolygonMask, OfNoPolygonIsRefused) {
  const auto refusal = [](const std::vector<double>& polygon) {
    return input_error([&] { polygon_mask(polygon, 3, 3, "annotation 7"); });
  };
  EXPECT_EQ(refusal({1, 1, 2, 2, 3, 1, 4}), "annotation 7: a polygon of 7 coordinates; expected pairs of x and y");
  EXPECT_EQ(refusal({1, 1, 2, 2}), "annotation 7: a polygon of 2 vertices; expected at least 3");
  EXPECT_THAT(refusal({}), HasSubstr("0 vertices"));
  EXPECT_THAT(refusal({1, 1, 2, 2, 3, std::numeric_limits<double>::quiet_NaN()}), HasSubstr("coordinate 5"));
  EXPECT_THAT(refusal({1, 1, 2, -1e9, 3, 1}), HasSubstr("coordinate 3 of a polygon is -1"));
  std::vector<double> zigzag;  // whose outline would take seconds
  for (int i = 0; i < 20; ++i) zigzag.insert(zigzag.end(), {i % 2 == 0 ? -1e6 : 1e6, 1.0 * i});
  // 20 edges of 2e6 pixels, less a fifth each: on the fine grid -1e6 is rounded towards zero.
  EXPECT_THAT(refusal(zigzag), HasSubstr("an outline of 39999996 pixels; accepted: up to 13421772"));
}

}  // namespace
}  // namespace assay
