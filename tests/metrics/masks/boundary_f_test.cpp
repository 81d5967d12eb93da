#include "metrics/masks/boundary_f.h"

#include <gtest/gtest.h>

#include <vector>

#include "core/error.h"
#include "core/philox.h"

namespace assay {
namespace {

using Mask = std::vector<std::uint8_t>;

Mask mask_of(const std::string& picture) {
  Mask mask;
  mask.reserve(picture.size());
  for (const char c : picture) mask.push_back(c == '#' ? 255 : 0);
  return mask;
}

BoundaryScore score(const Mask& prediction, const Mask& truth, int width, double tolerance = 1.0) {
  const int height = static_cast<int>(truth.size()) / width;
  return BoundaryF().score({prediction.data(), truth.data(), width, height}, tolerance);
}

/// Pixels of the mask that have a neighbour outside of it, as places.
std::vector<int> boundary_places(const Mask& mask, int width, int height) {
  std::vector<int> places;
  for (int p = 0; p < width * height; ++p)
    for (int q = 0; q < width * height; ++q) {
      const int dx = p % width - q % width, dy = p / width - q / width;
      if (dx * dx + dy * dy != 1) continue;
      if (mask[static_cast<std::size_t>(p)] == 0 || mask[static_cast<std::size_t>(q)] != 0) continue;
      places.push_back(p);
      break;
    }
  return places;
}

std::int64_t near(const std::vector<int>& from, const std::vector<int>& to, int width, double tolerance) {
  std::int64_t count = 0;
  for (const int p : from)
    for (const int q : to) {
      const double dx = p % width - q % width, dy = p / width - q / width;
      if (dx * dx + dy * dy > tolerance * tolerance) continue;
      ++count;
      break;
    }
  return count;
}

TEST(BoundaryF, CountsAsEveryPairOfPixelsDoes) {
  RandomStream random(9, Purpose::dataset, 0);
  for (int round = 0; round < 200; ++round) {
    const int width = 2 + static_cast<int>(random.below(9)), height = 2 + static_cast<int>(random.below(9));
    Mask prediction(static_cast<std::size_t>(width * height)), truth(prediction.size());
    const double density = random.uniform();
    for (auto& pixel : prediction) pixel = random.uniform() < density ? 255 : 0;
    for (auto& pixel : truth) pixel = random.uniform() < 0.5 ? 1 : 0;
    const double tolerance = std::vector<double>{0.0, 1.0, 1.5, 2.0, 3.7}[random.below(5)];
    const BoundaryScore found = score(prediction, truth, width, tolerance);
    const auto p = boundary_places(prediction, width, height), t = boundary_places(truth, width, height);
    ASSERT_EQ(found.predicted, static_cast<std::int64_t>(p.size()));
    ASSERT_EQ(found.truth, static_cast<std::int64_t>(t.size()));
    ASSERT_EQ(found.matched_predicted, near(p, t, width, tolerance));
    ASSERT_EQ(found.matched_truth, near(t, p, width, tolerance));
    if (p.empty() || t.empty()) continue;
    const double precision = static_cast<double>(found.matched_predicted) / static_cast<double>(p.size());
    const double recall = static_cast<double>(found.matched_truth) / static_cast<double>(t.size());
    ASSERT_EQ(found.precision, precision);
    ASSERT_EQ(found.recall, recall);
    ASSERT_NEAR(found.f, precision + recall == 0.0 ? 0.0 : 2.0 / (1.0 / precision + 1.0 / recall), 1e-15);
  }
}

// The far side lies two columns off: half of the boundary of either is matched by a band of one pixel.
TEST(BoundaryF, OfTwoBars) {
  const Mask truth = mask_of("..##......"), prediction = mask_of("..####....");
  const BoundaryScore one = score(prediction, truth, 10), two = score(prediction, truth, 10, 2.0);
  EXPECT_EQ(one.predicted, 2);  // its inner pixels have no background beside them
  EXPECT_EQ(one.precision, 0.5);
  EXPECT_EQ(one.recall, 1.0);
  EXPECT_EQ(one.f, 2.0 / 3.0);
  EXPECT_EQ(two.f, 1.0);
  EXPECT_EQ(score(prediction, truth, 10, 0.0).recall, 0.5);
}

TEST(BoundaryF, TakesNoFrameForABoundary) {
  const Mask half = mask_of("##..##..");
  EXPECT_EQ(boundary_of(half.data(), 4, 2), (Mask{0, 1, 0, 0, 0, 1, 0, 0}));
  EXPECT_EQ(score(mask_of("########"), half, 4).predicted, 0);
}

TEST(BoundaryF, OfMasksWithoutABoundary) {
  const Mask empty = mask_of("...."), full = mask_of("####"), half = mask_of("##..");
  EXPECT_EQ(score(empty, empty, 4).f, 1.0);
  EXPECT_EQ(score(full, empty, 4).f, 1.0);  // neither has one, however different they are
  EXPECT_EQ(score(empty, half, 4).f, 0.0);
  EXPECT_EQ(score(half, full, 4).precision, 0.0);
}

TEST(BoundaryF, RefusesANegativeTolerance) {
  const Mask mask = mask_of("##..");
  EXPECT_THROW(score(mask, mask, 4, -0.5), InputError);
}

}  // namespace
}  // namespace assay
