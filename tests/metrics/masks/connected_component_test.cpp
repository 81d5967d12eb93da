#include "metrics/masks/connected_component.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <set>
#include <vector>

#include "core/error.h"
#include "core/philox.h"

namespace assay {
namespace {

using ::testing::ElementsAre;
using Mask = std::vector<std::uint8_t>;

/// Pixels of one number hang together: numbers spread to larger ones next to them until none changes.
std::vector<int> spread(const Mask& mask, int width, Connectivity connectivity) {
  const int count = static_cast<int>(mask.size());
  std::vector<int> number(mask.size(), -1);
  for (int p = 0; p < count; ++p)
    if (mask[static_cast<std::size_t>(p)] != 0) number[static_cast<std::size_t>(p)] = p;
  for (bool changed = true; changed;) {
    changed = false;
    for (int p = 0; p < count; ++p)
      for (int q = 0; q < count; ++q) {
        const int dx = std::abs(p % width - q % width), dy = std::abs(p / width - q / width);
        const bool touch = connectivity == Connectivity::four ? dx + dy == 1 : std::max(dx, dy) == 1;
        int &own = number[static_cast<std::size_t>(p)], other = number[static_cast<std::size_t>(q)];
        if (!touch || own < 0 || other < 0 || other >= own) continue;
        own = other;
        changed = true;
      }
  }
  return number;
}

TEST(ConnectedComponent, IsWhatNumbersSpreadOver) {
  RandomStream random(11, Purpose::dataset, 0);
  for (int round = 0; round < 300; ++round) {
    const int width = 1 + static_cast<int>(random.below(8)), height = 1 + static_cast<int>(random.below(8));
    const auto connectivity = random.below(2) == 0 ? Connectivity::four : Connectivity::eight;
    Mask mask(static_cast<std::size_t>(width * height));
    const double density = random.uniform();
    for (auto& pixel : mask) pixel = random.uniform() < density ? 255 : 0;
    const std::vector<int> number = spread(mask, width, connectivity);
    std::size_t largest = 0;
    std::vector<std::int64_t> expected;
    for (const int n : std::set<int>(number.begin(), number.end())) {
      std::vector<std::int64_t> pixels;
      for (std::size_t p = 0; p < number.size(); ++p)
        if (n >= 0 && number[p] == n) pixels.push_back(static_cast<std::int64_t>(p));
      if (n >= 0) {
        const auto at = component_at(mask.data(), width, height, pixels.back(), connectivity);
        ASSERT_TRUE(at.has_value());
        ASSERT_EQ(at->pixels, pixels);
      }
      if (pixels.size() > largest) expected = pixels;
      largest = std::max(largest, pixels.size());
    }
    const auto found = largest_component(mask.data(), width, height, connectivity);
    ASSERT_EQ(found.has_value(), largest > 0);
    if (!found) continue;
    ASSERT_EQ(found->pixels, expected);
    ASSERT_EQ(found->area, static_cast<std::int64_t>(largest));
    Box box{width, height, 0, 0};
    for (const std::int64_t p : expected) {
      const int x = static_cast<int>(p) % width, y = static_cast<int>(p) / width;
      box = {std::min(box.x0, x), std::min(box.y0, y), std::max(box.x1, x + 1), std::max(box.y1, y + 1)};
    }
    ASSERT_EQ(found->box, box);
  }
}

TEST(ConnectedComponent, OfCornersThatTouchDependsOnTheConnectivity) {
  const Mask mask = {1, 0, 0, 0, 1, 1};  // 3 x 2
  EXPECT_EQ(largest_component(mask.data(), 3, 2)->box, (Box{1, 1, 3, 2}));
  EXPECT_EQ(largest_component(mask.data(), 3, 2, Connectivity::eight)->box, (Box{0, 0, 3, 2}));
  EXPECT_FALSE(component_at(mask.data(), 3, 2, 1).has_value());
  EXPECT_THROW(component_at(mask.data(), 3, 2, 6), Error);
}

TEST(ComponentLabels, CountFromOneInTheOrderOfFirstPixels) {
  const Mask mask = {0, 1, 0, 1,  //
                     1, 0, 0, 1,  //
                     1, 1, 0, 0};
  EXPECT_THAT(component_labels(mask.data(), 4, 3), ElementsAre(0, 1, 0, 2, 3, 0, 0, 2, 3, 3, 0, 0));
  EXPECT_THAT(component_labels(mask.data(), 4, 3, Connectivity::eight),
              ElementsAre(0, 1, 0, 2, 1, 0, 0, 2, 1, 1, 0, 0));
}

TEST(ComponentLabels, DoNotJoinTheEndOfARowToTheNext) {
  const Mask mask = {0, 0, 1,  //
                     1, 0, 0};
  EXPECT_THAT(component_labels(mask.data(), 3, 2), ElementsAre(0, 0, 1, 2, 0, 0));
}

TEST(ConnectedComponent, OfTwoOfOneSizeTheFirstIsTaken) {
  const Mask mask = {1, 0, 1, 1, 0, 1};
  EXPECT_THAT(largest_component(mask.data(), 3, 2)->pixels, ElementsAre(0, 3));
}

}  // namespace
}  // namespace assay
