#include "images/centred_square.h"

#include <gtest/gtest.h>

#include "core/error.h"

namespace assay {
namespace {

/// Opaque where `x0 <= x < x1`, with the column in the red channel.
Image columns(int width, int height, int x0, int x1) {
  Image image(width, height, 4, 0);
  for (int y = 0; y < height; ++y)
    for (int x = x0; x < x1; ++x) {
      image.at(x, y)[0] = static_cast<std::uint8_t>(x);
      image.at(x, y)[3] = 255;
    }
  return image;
}

TEST(CentredSquare, CutsTransparentSidesToTheShorterSide) {
  const Image square = centred_square(columns(10, 4, 3, 7));

  ASSERT_EQ(square.width, 4);
  ASSERT_EQ(square.height, 4);
  for (int x = 0; x < 4; ++x) EXPECT_EQ(square.at(x, 0)[0], 3 + x);
}

TEST(CentredSquare, PadsTheShortSidesWhereACutWouldLoseSomething) {
  const Image square = centred_square(columns(10, 4, 2, 7));

  ASSERT_EQ(square.width, 10);
  ASSERT_EQ(square.height, 10);
  for (int y = 0; y < 10; ++y)
    for (int x = 0; x < 10; ++x) {
      const bool inside = x >= 2 && x < 7 && y >= 3 && y < 7;
      EXPECT_EQ(square.at(x, y)[3], inside ? 255 : 0) << x << ", " << y;
      EXPECT_EQ(square.at(x, y)[0], inside ? x : 0);
    }
}

TEST(CentredSquare, LeavesASquareAlone) {
  const Image image = columns(5, 5, 0, 2);
  EXPECT_EQ(centred_square(image), image);
}

TEST(CentredSquare, RefusesWhatHasNoAlphaOrNoPixels) {
  EXPECT_THROW(centred_square(Image(4, 4, 3)), Error);
  EXPECT_THROW(centred_square(Image(0, 4, 4)), Error);
}

}  // namespace
}  // namespace assay
