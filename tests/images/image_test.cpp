#include "images/image.h"

#include <gtest/gtest.h>

#include "core/error.h"

namespace assay {
namespace {

TEST(Composite, MixesByAlphaWithRoundingWorkedByHand) {
  Image over(4, 1, 4), under(4, 1, 3, 100);
  over.pixels = {200, 0, 255, 0, 200, 0, 255, 255, 200, 0, 255, 128, 200, 0, 255, 1};

  const Image out = composite(over, under);

  // alpha 128: 200 * 128 / 255 + 100 * 127 / 255 = 150.2; 49.8; 177.8. alpha 1: 100.4; 99.6; 100.6.
  EXPECT_EQ(out.pixels, (std::vector<std::uint8_t>{100, 100, 100, 200, 0, 255, 150, 50, 178, 100, 100, 101}));
}

TEST(Composite, RefusesOtherSizesAndChannels) {
  EXPECT_THROW(composite(Image(2, 2, 4), Image(2, 3, 3)), Error);
  EXPECT_THROW(composite(Image(2, 2, 3), Image(2, 2, 3)), Error);
  EXPECT_THROW(composite(Image(2, 2, 4), Image(2, 2, 4)), Error);
}

TEST(MaskBox, HoldsEveryPixelOfAtLeastHalfCoverage) {
  Image mask(6, 5, 1);
  *mask.at(1, 2) = 128;
  *mask.at(4, 3) = 255;
  *mask.at(5, 4) = 127;

  EXPECT_EQ(mask_box(mask), (Box{1, 2, 5, 4}));
}

TEST(MaskBox, FallsBackToAnyCoverageForThinShapes) {
  Image mask(6, 5, 1);
  *mask.at(0, 0) = 1;
  *mask.at(2, 1) = 127;

  EXPECT_EQ(mask_box(mask), (Box{0, 0, 3, 2}));
}

TEST(MaskBox, IsEmptyForAnEmptyMask) { EXPECT_EQ(mask_box(Image(3, 3, 1)), Box{}); }

TEST(TakeChannel, TakesOneOfMany) {
  Image image(2, 1, 3);
  image.pixels = {1, 2, 3, 4, 5, 6};

  EXPECT_EQ(take_channel(image, 1).pixels, (std::vector<std::uint8_t>{2, 5}));
  EXPECT_THROW(take_channel(image, 3), Error);
}

}  // namespace
}  // namespace assay
