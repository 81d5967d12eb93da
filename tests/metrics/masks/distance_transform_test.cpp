#include "metrics/masks/distance_transform.h"

#include <gtest/gtest.h>

#include <limits>

#include "core/philox.h"

namespace assay {
namespace {

struct Nearest {
  std::vector<std::int64_t> squared, index;
};

Nearest transform(const std::vector<std::uint8_t>& mask, int width, int height) {
  Nearest out;
  DistanceTransform().run(mask.data(), width, height, [&](int y, const DistanceTransform::Row& row) {
    EXPECT_EQ(static_cast<std::size_t>(y) * static_cast<std::size_t>(width), out.squared.size());
    for (std::size_t x = 0; x < static_cast<std::size_t>(width); ++x) {
      out.squared.push_back(row.squared[x]);
      out.index.push_back(row.nearest[x]);
    }
  });
  return out;
}

TEST(DistanceTransform, IsExactOnRandomMasks) {
  RandomStream random(3, Purpose::dataset, 0);
  for (int round = 0; round < 200; ++round) {
    const int width = 1 + static_cast<int>(random.below(17)), height = 1 + static_cast<int>(random.below(17));
    const double density = random.uniform();
    std::vector<std::uint8_t> mask(static_cast<std::size_t>(width * height));
    for (auto& pixel : mask) pixel = random.uniform() < density ? 1 : 0;
    mask[random.below(mask.size())] = 1;
    const Nearest found = transform(mask, width, height);
    for (int i = 0; i < width * height; ++i) {
      std::int64_t best = std::numeric_limits<std::int64_t>::max();
      const auto squared = [&](std::int64_t j) {
        const std::int64_t dx = i % width - j % width, dy = i / width - j / width;
        return dx * dx + dy * dy;
      };
      for (int j = 0; j < width * height; ++j)
        if (mask[static_cast<std::size_t>(j)] != 0) best = std::min(best, squared(j));
      const auto at = static_cast<std::size_t>(i);
      ASSERT_EQ(found.squared[at], best);
      ASSERT_EQ(squared(found.index[at]), best);
      ASSERT_EQ(mask[static_cast<std::size_t>(found.index[at])], 1);
    }
  }
}

// m = np.zeros((5, 5), bool); m[[0, 0, 2, 4, 4], [0, 4, 2, 0, 4]] = True
// r, c = scipy.ndimage.distance_transform_edt(~m, return_distances=False, return_indices=True); r * 5 + c
TEST(DistanceTransform, BreaksTiesAsScipyDoes) {
  std::vector<std::uint8_t> mask(25, 0);
  for (const std::size_t i : {0, 4, 12, 20, 24}) mask[i] = 1;
  const std::vector<std::int64_t> expected = {0,  0,  0,  4,  4,  0,  0,  12, 12, 4,  0,  12, 12,
                                              12, 12, 20, 20, 12, 12, 24, 20, 20, 20, 24, 24};
  EXPECT_EQ(transform(mask, 5, 5).index, expected);
}

TEST(DistanceTransform, VisitsNothingWithoutForeground) {
  EXPECT_TRUE(transform(std::vector<std::uint8_t>(6, 0), 3, 2).squared.empty());
}

}  // namespace
}  // namespace assay
