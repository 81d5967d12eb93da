#include "datasets/shapes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>
#include <numeric>
#include <set>

#include "datasets/background.h"

namespace assay {
namespace {

DatasetSpec spec_of(int size, std::int64_t count = 200) {
  DatasetSpec spec;
  spec.name = "shapes";
  spec.size = size;
  spec.count = count;
  return spec;
}

double sum(const std::vector<double>& values) { return std::accumulate(values.begin(), values.end(), 0.0); }

int chroma(const std::uint8_t* pixel) {
  return *std::max_element(pixel, pixel + 3) - *std::min_element(pixel, pixel + 3);
}

/// Areas at circumradius 1 from school geometry, with the proportions that shape_raster.cpp states.
double area_by_formula(Shape shape) {
  constexpr double pi = std::numbers::pi, root3 = std::numbers::sqrt3, root2 = std::numbers::sqrt2;
  switch (shape) {
    case Shape::circle:
      return pi;
    case Shape::square:
      return 2.0;
    case Shape::triangle:
      return 3 * root3 / 4;
    case Shape::diamond:
      return 2 * 0.7;  // half the product of the diagonals
    case Shape::hexagon:
      return 3 * root3 / 2;
    case Shape::star:
      return 5 * 0.45 * std::sin(pi / 5);  // ten triangles
    case Shape::cross: {
      const double a = 1 / std::sqrt(1 + 0.36 * 0.36), b = 0.36 * a;
      return 2 * (2 * a) * (2 * b) - (2 * b) * (2 * b);  // two bars less their overlap
    }
    case Shape::ring:
      return pi * (1 - 0.55 * 0.55);
    case Shape::heart: {
      // A square of half diagonal h and two half discs on its sides; h from the farthest point of a disc.
      const double down = (root2 / 2 - 0.5) / 2, h = 1 / (std::hypot(0.5, 0.5 - down) + root2 / 2);
      return 2 * h * h + pi * h * h / 2;
    }
  }
  return 0;
}

std::vector<Shape> all_shapes() {
  std::vector<Shape> shapes;
  for (int s = 0; s < shape_count; ++s) shapes.push_back(static_cast<Shape>(s));
  return shapes;
}

TEST(ShapeCoverage, AddsUpToTheArea) {
  for (const Shape shape : all_shapes()) {
    for (const double radius : {2.9, 7.3, 24.0}) {
      const double area = sum(shape_coverage(shape, {31.7, 32.2, radius}, 64));
      // A horizontal edge is off by at most half a scan line along its length, less than the circumference.
      EXPECT_NEAR(area, area_by_formula(shape) * radius * radius, 2 * std::numbers::pi * radius / (2 * scan_lines))
          << name_of(shape) << " of radius " << radius;
    }
  }
}

TEST(ShapeCoverage, OfACircleIsTheShareOfEachPixelInside) {
  const Placement place{8.3, 7.6, 5.4};
  const std::vector<double> coverage = shape_coverage(Shape::circle, place, 16);
  constexpr int grid = 400;
  for (int j = 0; j < 16; ++j)
    for (int i = 0; i < 16; ++i) {
      int inside = 0;
      for (int v = 0; v < grid; ++v)
        for (int u = 0; u < grid; ++u)
          inside += std::hypot(i + (u + 0.5) / grid - place.x, j + (v + 0.5) / grid - place.y) < place.radius;
      EXPECT_NEAR(coverage[static_cast<std::size_t>(j * 16 + i)], inside / double(grid * grid), 0.003)
          << i << ", " << j;
    }
}

TEST(ShapeCoverage, OfASquareIsExactAcrossAndToAScanLineDown) {
  // Half the side is radius / sqrt(2) = 3.25: columns 4.75 to 11.25 of a square centred at 8.
  const std::vector<double> coverage = shape_coverage(Shape::square, {8, 8, 3.25 * std::numbers::sqrt2}, 16);
  const auto at = [&](int x, int y) { return coverage[static_cast<std::size_t>(y * 16 + x)]; };
  EXPECT_NEAR(at(8, 8), 1.0, 1e-12);
  EXPECT_NEAR(at(4, 8), 0.25, 1e-9);
  EXPECT_NEAR(at(11, 8), 0.25, 1e-9);
  EXPECT_NEAR(at(8, 4), 0.25, 1.0 / scan_lines);
  EXPECT_NEAR(at(4, 4), 0.0625, 1.0 / scan_lines);
  EXPECT_EQ(at(3, 8), 0.0);
  EXPECT_EQ(at(12, 8), 0.0);
}

TEST(ShapeCoverage, StaysInsideTheCircumcircle) {
  for (const Shape shape : all_shapes()) {
    const std::vector<double> coverage = shape_coverage(shape, {16, 16, 10}, 32);
    for (int j = 0; j < 32; ++j)
      for (int i = 0; i < 32; ++i) {
        const double nearest =
            std::hypot(std::max(std::abs(i + 0.5 - 16) - 0.5, 0.0), std::max(std::abs(j + 0.5 - 16) - 0.5, 0.0));
        if (nearest > 10) {
          EXPECT_EQ(coverage[static_cast<std::size_t>(j * 32 + i)], 0.0) << name_of(shape);
        }
      }
  }
}

TEST(ShapeCoverage, PartsLieInsideTheWhole) {
  for (const Shape shape : all_shapes()) {
    const Placement place{15.2, 16.9, 11.3};
    const auto whole = shape_coverage(shape, place, 32);
    for (const auto& part : {inside_coverage(shape, place, 32), striped_coverage(shape, place, 32, 3.4)}) {
      for (std::size_t i = 0; i < whole.size(); ++i) ASSERT_LE(part[i], whole[i] + 1e-12) << name_of(shape);
      EXPECT_GT(sum(part), 0.1 * sum(whole)) << name_of(shape);
      EXPECT_LT(sum(part), 0.7 * sum(whole)) << name_of(shape);
    }
  }
}

TEST(Shapes, MaskIsTheWholeShapeInEveryFill) {
  const auto dataset = open_dataset(spec_of(64));
  for (std::int64_t i = 0; i < 200; ++i) {
    const ShapeFactors factors = shape_factors(0, i, 64);
    const Sample sample = dataset->sample(i);
    double area = 0;
    for (const std::uint8_t value : sample.mask.pixels) area += value / 255.0;
    const double expected = area_by_formula(factors.shape) * factors.place.radius * factors.place.radius;
    EXPECT_NEAR(area / expected, 1.0, 0.01) << caption(factors);
  }
}

TEST(Shapes, BoxHoldsTheShape) {
  const auto dataset = open_dataset(spec_of(64));
  for (std::int64_t i = 0; i < 200; ++i) {
    const ShapeFactors factors = shape_factors(0, i, 64);
    if (factors.shape != Shape::circle) continue;
    const Box box = dataset->sample(i).box;
    const auto& [x, y, radius] = factors.place;
    EXPECT_NEAR(box.x0, x - radius, 1.0);
    EXPECT_NEAR(box.y0, y - radius, 1.0);
    EXPECT_NEAR(box.x1, x + radius, 1.0);
    EXPECT_NEAR(box.y1, y + radius, 1.0);
  }
}

TEST(Shapes, ObjectAndBackgroundColoursAreDisjoint) {
  ASSERT_GT(object_chroma, background_chroma);
  for (const char* background : {"texture", "solid"}) {
    DatasetSpec spec = spec_of(32, 300);
    spec.background = background;
    const auto dataset = open_dataset(spec);
    for (std::int64_t i = 0; i < 300; ++i) {
      const Sample sample = dataset->sample(i);
      for (int y = 0; y < 32; ++y)
        for (int x = 0; x < 32; ++x) {
          const std::uint8_t* pixel = sample.image.at(x, y);
          if (*sample.mask.at(x, y) == 0) {
            ASSERT_LE(chroma(pixel), background_chroma) << i;
          }
          if (*sample.mask.at(x, y) == 255) {
            ASSERT_GE(chroma(pixel), object_chroma) << i;
          }
        }
    }
  }
}

TEST(Shapes, EveryLabelOccursAndSaysWhatIsDrawn) {
  const auto dataset = open_dataset(spec_of(16, 20000));
  std::set<int> groups, subgroups;
  std::set<std::string> captions;
  for (std::size_t i = 0; i < dataset->items().size(); ++i) {
    const Item& item = dataset->items()[i];
    const ShapeFactors factors = shape_factors(0, static_cast<std::int64_t>(i), 16);
    groups.insert(item.group);
    subgroups.insert(item.subgroup);
    captions.insert(item.name);
    ASSERT_EQ(dataset->groups()[static_cast<std::size_t>(item.group)], name_of(factors.shape));
    ASSERT_THAT(item.name, ::testing::EndsWith(dataset->subgroups()[static_cast<std::size_t>(item.subgroup)]));
  }
  EXPECT_EQ(groups.size(), 9u);
  EXPECT_EQ(subgroups.size(), 72u);
  EXPECT_EQ(captions.size(), 648u);  // 3 sizes x 3 fills x 8 colours x 9 shapes
  EXPECT_TRUE(captions.contains("large striped red star"));
}

TEST(Shapes, GroupedByColourAreTheSameImagesUnderOtherLabels) {
  DatasetSpec spec = spec_of(16, 20000);
  const auto by_shape = open_dataset(spec);
  spec.group = "colour";
  const auto dataset = open_dataset(spec);
  EXPECT_NE(dataset->hash(), by_shape->hash());
  EXPECT_EQ(dataset->sample(5).image.pixels, by_shape->sample(5).image.pixels);
  EXPECT_EQ(indices(*dataset, Split::train), indices(*by_shape, Split::train));
  std::map<int, std::set<int>> groups_of;  // by subgroup
  for (std::size_t i = 0; i < dataset->items().size(); ++i) {
    const Item& item = dataset->items()[i];
    const ShapeFactors factors = shape_factors(0, static_cast<std::int64_t>(i), 16);
    groups_of[item.subgroup].insert(item.group);
    ASSERT_EQ(dataset->groups()[static_cast<std::size_t>(item.group)],
              object_colours()[static_cast<std::size_t>(factors.colour)].name);
    ASSERT_THAT(item.name, ::testing::EndsWith(dataset->subgroups()[static_cast<std::size_t>(item.subgroup)]));
  }
  EXPECT_EQ(dataset->groups().size(), 8u);
  EXPECT_EQ(groups_of.size(), 72u);
  for (const auto& [subgroup, groups] : groups_of) EXPECT_EQ(groups.size(), 1u) << subgroup;
}

TEST(Shapes, AboutFourFifthsAreForTrainingWhateverTheSeed) {
  DatasetSpec spec = spec_of(16, 5000);
  const auto dataset = open_dataset(spec);
  spec.seed = 9;
  // Standard deviation of the share: sqrt(0.8 * 0.2 / 5000) = 0.0057.
  EXPECT_NEAR(static_cast<double>(indices(*dataset, Split::train).size()) / 5000, 0.8, 0.02);
  EXPECT_EQ(indices(*dataset, Split::train), indices(*open_dataset(spec), Split::train));
}

TEST(Shapes, AnItemDependsOnSeedAndIndexAlone) {
  const auto few = open_dataset(spec_of(24, 10)), many = open_dataset(spec_of(24, 100));
  DatasetSpec other = spec_of(24, 10);
  other.seed = 1;
  const auto reseeded = open_dataset(other);
  for (int i = 9; i >= 0; --i) {
    EXPECT_EQ(few->sample(i).image, many->sample(i).image);
    EXPECT_EQ(few->sample(i).mask, many->sample(i).mask);
    EXPECT_EQ(few->items()[static_cast<std::size_t>(i)].name, many->items()[static_cast<std::size_t>(i)].name);
    EXPECT_NE(few->sample(i).image, reseeded->sample(i).image);
  }
}

TEST(Shapes, AnySizeIsDrawnInsideTheImage) {
  for (const int size : {8, 13, 512}) {
    const auto dataset = open_dataset(spec_of(size, 30));
    for (int i = 0; i < 30; ++i) {
      const ShapeFactors factors = shape_factors(0, i, size);
      EXPECT_GE(factors.place.x - factors.place.radius, 0.0);
      EXPECT_LE(factors.place.x + factors.place.radius, size);
      EXPECT_GE(factors.place.y - factors.place.radius, 0.0);
      EXPECT_LE(factors.place.y + factors.place.radius, size);
      EXPECT_NE(dataset->sample(i).box, Box{}) << caption(factors);
    }
  }
}

TEST(Shapes, HashFollowsEverythingThatChangesTheSet) {
  std::map<std::string, std::string> seen;
  const auto expect_new = [&](const std::string& what, const DatasetSpec& spec) {
    const auto [it, is_new] = seen.emplace(open_dataset(spec)->hash(), what);
    EXPECT_TRUE(is_new) << what << " has the hash of " << it->second;
  };
  const DatasetSpec base = spec_of(16);
  expect_new("default", base);
  EXPECT_EQ(open_dataset(base)->hash(), seen.begin()->first);
  DatasetSpec spec = base;
  spec.size = 17;
  expect_new("size", spec);
  spec = base;
  spec.count = 201;
  expect_new("count", spec);
  spec = base;
  spec.seed = 1;
  expect_new("seed", spec);
  spec = base;
  spec.background = "white";
  expect_new("background", spec);
  for (const char* imbalance : {"exp:10", "exp:20", "step:10:0.5", "step:10:0.3"}) {
    spec = base;
    spec.imbalance = imbalance;
    expect_new(imbalance, spec);
  }
}

}  // namespace
}  // namespace assay
