#include "images/image_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/file.h"
#include "tests/datasets/fixtures.h"

namespace assay {
namespace {

using test::input_error;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const std::string data = ASSAY_TEST_DATA;

TEST(ReadImageFile, GoesByContentAndNotByName) {
  const test::TemporaryFolder folder;
  const auto jpeg = folder.file("really_a_jpeg.png", read_file(data + "/jpeg/grey.jpg"));
  const auto png = folder.file("really_a_png.jpg", read_file(data + "/png/rgb8.png"));

  EXPECT_EQ(read_image_file(jpeg), read_image_file(data + "/jpeg/grey.png"));
  EXPECT_EQ(read_image_file(png), read_image_file(data + "/png/rgb8.png"));
}

TEST(ReadImageFile, RefusesOtherKindsByName) {
  const test::TemporaryFolder folder;
  EXPECT_THAT(input_error([&] { read_image_file(folder.file("a.png", "%PDF-1.7")); }),
              HasSubstr("a.png: not an image of a known kind; accepted: PNG, JPEG"));
  EXPECT_THAT(input_error([&] { read_image_file(folder.file("b.png", "")); }), HasSubstr("b.png: empty file"));
}

TEST(AsRgb, RepeatsGreyAndDropsAlpha) {
  Image grey(2, 1, 1);
  grey.pixels = {7, 200};
  Image rgba(1, 1, 4);
  rgba.pixels = {1, 2, 3, 0};

  EXPECT_THAT(as_rgb(grey).pixels, ElementsAre(7, 7, 7, 200, 200, 200));
  EXPECT_THAT(as_rgb(rgba).pixels, ElementsAre(1, 2, 3));
}

// Image.fromarray(np.uint8([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [12, 200, 99]]])).convert("L"), Pillow 13.0
TEST(AsGrey, IsPillowsLuma) {
  Image rgb(4, 1, 3);
  rgb.pixels = {255, 0, 0, 0, 255, 0, 0, 0, 255, 12, 200, 99};

  EXPECT_THAT(as_grey(rgb).pixels, ElementsAre(76, 150, 29, 132));
}

TEST(AsGrey, KeepsGreyThatIsStoredAsRgb) {
  Image rgb(256, 1, 3);
  for (int v = 0; v < 256; ++v)
    for (int c = 0; c < 3; ++c) rgb.at(v, 0)[c] = static_cast<std::uint8_t>(v);

  const Image grey = as_grey(rgb);

  for (int v = 0; v < 256; ++v) EXPECT_EQ(grey.at(v, 0)[0], v);
}

// tests/data/png/make_fixtures.py: value of pixel (x, y) with that many bits.
int fixture_value(int x, int y, int bits) { return (x * 19 + y * 31) % (1 << bits); }

TEST(ReadLabelMap, GivesPaletteIndicesAndStoredGreyValues) {
  for (const auto& [name, bits] : {std::pair{"palette", 4},
                                   {"palette_transparent", 4},
                                   {"grey1", 1},
                                   {"grey4", 4},
                                   {"grey8", 8},
                                   {"grey_transparent", 8}}) {
    const Image labels = read_label_map(data + "/png/" + name + ".png");
    ASSERT_EQ(labels.channels, 1) << name;
    for (int y = 0; y < labels.height; ++y)
      for (int x = 0; x < labels.width; ++x)
        ASSERT_EQ(labels.at(x, y)[0], fixture_value(x, y, bits)) << name << " at " << x << ", " << y;
  }
}

TEST(ReadLabelMap, RefusesWhatHoldsNoLabels) {
  for (const char* name : {"rgb8", "rgba8", "grey16", "grey_alpha"})
    EXPECT_THAT(input_error([&] { read_label_map(data + "/png/" + name + ".png"); }), HasSubstr("not a map of labels"))
        << name;
  EXPECT_THAT(input_error([&] { read_label_map(data + "/jpeg/grey.jpg"); }),
              HasSubstr("a JPEG cannot be a map of labels"));
}

TEST(HasImageExtension, GoesByTheEndOfTheNameInAnyCase) {
  for (const char* name : {"a.png", "a.JPG", "a.jpeg", "a.jfif", "a.WebP", "a.gif", "a.BMP", "a.tif", "a.TIFF", "a.ppm",
                           "a.pgm", "a.pbm", "a.pnm", "folder/a.b.png"})
    EXPECT_TRUE(has_image_extension(name)) << name;
  for (const char* name : {"a.txt", "png", ".png", "a.png.txt", "a.npz", "a.png~", ""})
    EXPECT_FALSE(has_image_extension(name)) << name;
}

TEST(AcceptedImages, AreNamedByExtensionAndByFormat) {
  EXPECT_THAT(accepted_image_extensions(), StartsWith(".png, .jpg, .jpeg"));
  EXPECT_THAT(accepted_image_formats(), StartsWith("PNG, JPEG"));
}

}  // namespace
}  // namespace assay
