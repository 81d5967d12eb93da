#include "images/jpeg.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "core/file.h"
#include "images/image_file.h"
#include "tests/datasets/fixtures.h"

namespace assay {
namespace {

using test::input_error;
using ::testing::HasSubstr;

std::string fixture(const std::string& name) {
  return (std::filesystem::path(ASSAY_TEST_DATA) / "jpeg" / name).string();
}

// tests/data/jpeg/make_fixtures.py wrote the files with Pillow, and the PNG files with the pixels that Pillow reads.
TEST(ReadJpeg, GivesThePixelsThatPillowGives) {
  for (const char* name : {"grey", "rgb444", "rgb422", "rgb420", "progressive", "plain_rgb", "cmyk", "turned"}) {
    const Image ours = read_image_file(fixture(std::string(name) + ".jpg"));
    const Image theirs = read_image_file(fixture(std::string(name) + ".png"));
    ASSERT_EQ(ours.width, 37) << name;
    ASSERT_EQ(ours.channels, theirs.channels) << name;
    EXPECT_EQ(ours, theirs) << name;
  }
}

TEST(ReadJpeg, RefusesEveryTruncationAndNamesTheFile) {
  for (const char* name : {"grey.jpg", "rgb420.jpg", "progressive.jpg"}) {
    const std::string whole = read_file(fixture(name));
    // Without its last two bytes, the end marker, nothing of the picture is missing, but the file says it goes on.
    for (std::size_t size = 0; size < whole.size(); ++size) {
      const std::string message = input_error([&] { decode_jpeg(whole.substr(0, size), "folder/cut.jpg"); });
      ASSERT_THAT(message, HasSubstr("folder/cut.jpg: ")) << name << " " << size;
    }
  }
}

TEST(ReadJpeg, AnyDamagedByteIsRefusedOrHarmless) {
  const std::string whole = read_file(fixture("rgb420.jpg"));
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const int flip : {0x5A, 0xFF, 0x01}) {
      std::string damaged = whole;
      damaged[at] = static_cast<char>(damaged[at] ^ flip);
      try {
        decode_jpeg(damaged, "damaged.jpg");
      } catch (const InputError&) {
      }
    }
  }
}

TEST(ReadJpeg, RefusesAHeaderThatPromisesMoreThanTheFileHolds) {
  std::string jpeg = read_file(fixture("grey.jpg"));
  const std::size_t frame = jpeg.find("\xFF\xC0");
  ASSERT_NE(frame, std::string::npos);
  for (const std::size_t at : {std::size_t{5}, std::size_t{7}}) {
    jpeg[frame + at] = '\x7F';
    jpeg[frame + at + 1] = '\xFF';
  }

  EXPECT_THAT(input_error([&] { decode_jpeg(jpeg, "big.jpg"); }), HasSubstr("cannot hold 32767 x 32767 pixels"));
}

TEST(ReadJpeg, SaysWhatIsWrongWithTheFile) {
  EXPECT_THAT(input_error([] { decode_jpeg("", "a.jpg"); }), HasSubstr("a.jpg: empty file"));
  EXPECT_THAT(input_error([] { decode_jpeg("\x89PNG....", "a.jpg"); }), HasSubstr("a.jpg: not a JPEG image"));
}

}  // namespace
}  // namespace assay
