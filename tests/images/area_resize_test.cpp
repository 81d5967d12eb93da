#include "images/area_resize.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/error.h"
#include "core/philox.h"

namespace assay {
namespace {

Image noise(int width, int height, int channels, std::uint64_t seed) {
  Image image(width, height, channels);
  RandomStream random(seed, Purpose::dataset, 0);
  for (auto& pixel : image.pixels) pixel = static_cast<std::uint8_t>(random.below(256));
  return image;
}

/// The definition in real numbers: overlap of [x, x+1) scaled with every old pixel.
double overlap(int from, int to, int j, int i) {
  const double scale = static_cast<double>(from) / to;
  return std::max(0.0, std::min((j + 1) * scale, i + 1.0) - std::max(j * scale, static_cast<double>(i)));
}

TEST(AreaResize, AveragesWholeBlocksWorkedByHand) {
  Image image(4, 2, 1);
  image.pixels = {0, 10, 20, 21, 30, 40, 22, 24};

  EXPECT_EQ(area_resize(image, 2, 1).pixels, (std::vector<std::uint8_t>{20, 22}));  // 80 / 4; 87 / 4 = 21.75
}

TEST(AreaResize, GivesFractionalPixelsTheirShare) {
  Image image(3, 1, 1);
  image.pixels = {0, 90, 255};

  // New pixels are 1.5 wide: (0 + 90 / 2) / 1.5 = 30; (90 / 2 + 255) / 1.5 = 200.
  EXPECT_EQ(area_resize(image, 2, 1).pixels, (std::vector<std::uint8_t>{30, 200}));
}

TEST(AreaResize, WeighsColoursByAlpha) {
  Image image(2, 2, 4);
  image.pixels = {200, 0, 0, 255, 0, 250, 0, 0, 0, 250, 0, 0, 100, 0, 8, 85};

  // Red: (200 * 255 + 100 * 85) / 340 = 175; blue: 8 * 85 / 340 = 2; alpha: 340 / 4 = 85. The hidden green is gone.
  EXPECT_EQ(area_resize(image, 1, 1).pixels, (std::vector<std::uint8_t>{175, 0, 2, 85}));
}

TEST(AreaResize, LeavesNoColourUnderFullTransparency) {
  Image image(2, 1, 4, 77);
  image.pixels[3] = image.pixels[7] = 0;

  EXPECT_EQ(area_resize(image, 1, 1).pixels, (std::vector<std::uint8_t>{0, 0, 0, 0}));
}

TEST(AreaResize, FollowsTheDefinitionAtOddRatios) {
  for (const auto& [w, h] : {std::pair{7, 5}, {13, 11}, {16, 1}, {17, 13}}) {
    const Image image = noise(17, 13, 3, 5), out = area_resize(image, w, h);
    for (int y = 0; y < h; ++y)
      for (int x = 0; x < w; ++x)
        for (int c = 0; c < 3; ++c) {
          double sum = 0, weight = 0;
          for (int v = 0; v < 13; ++v)
            for (int u = 0; u < 17; ++u) {
              const double share = overlap(17, w, x, u) * overlap(13, h, y, v);
              sum += share * image.at(u, v)[c];
              weight += share;
            }
          EXPECT_NEAR(out.at(x, y)[c], sum / weight, 0.5 + 1e-9) << w << " x " << h << " at " << x << ", " << y;
        }
  }
}

TEST(AreaResize, OfTheSameSizeIsTheSameImage) {
  for (const int channels : {1, 3}) {
    const Image image = noise(9, 4, channels, 3);
    EXPECT_EQ(area_resize(image, 9, 4), image);
  }
}

TEST(AreaResize, KeepsAFlatColourAtEverySize) {
  const Image flat(23, 19, 3, 201);
  for (int size = 1; size <= 19; ++size) EXPECT_EQ(area_resize(flat, size, size), Image(size, size, 3, 201));
}

TEST(AreaResize, RefusesToEnlarge) {
  EXPECT_THROW(area_resize(Image(4, 4, 3), 5, 4), Error);
  EXPECT_THROW(area_resize(Image(4, 4, 3), 4, 0), Error);
  EXPECT_THROW(area_resize(Image(4, 4, 2), 4, 4), Error);
}

}  // namespace
}  // namespace assay
