#include "images/png.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <cstdlib>
#include <filesystem>

#include "core/error.h"
#include "core/file.h"
#include "core/philox.h"
#include "images/image_file.h"
#include "tests/datasets/fixtures.h"

namespace assay {
namespace {

using test::input_error;
using ::testing::HasSubstr;

// tests/data/png/make_fixtures.py wrote the files with these values, without libpng.
int fixture_value(int x, int y, int c, int depth) {
  return depth == 16 ? (x * 4099 + y * 257 + c * 1031) % 65536 : (x * 19 + y * 31 + c * 57) % (1 << depth);
}

Image fixture(const std::string& name) {
  return read_image_file(std::filesystem::path(ASSAY_TEST_DATA) / "png" / (name + ".png"));
}

/// Expects every sample of the fixture to be `expected(x, y, c)`.
template <class Expected>
void expect_samples(const std::string& name, int channels, Expected&& expected) {
  const Image image = fixture(name);
  ASSERT_EQ(image.width, 13) << name;
  ASSERT_EQ(image.height, 7) << name;
  ASSERT_EQ(image.channels, channels) << name;
  for (int y = 0; y < 7; ++y)
    for (int x = 0; x < 13; ++x)
      for (int c = 0; c < channels; ++c)
        ASSERT_EQ(image.at(x, y)[c], expected(x, y, c)) << name << " at " << x << ", " << y << ", " << c;
}

int by_257(int value) { return (value + 128) / 257; }

TEST(ReadPng, KeepsEightBitSamples) {
  const auto value = [](int x, int y, int c) { return fixture_value(x, y, c, 8); };
  expect_samples("grey8", 1, value);
  expect_samples("rgb8", 3, value);
  expect_samples("rgb8_interlaced", 3, value);
  expect_samples("rgb8_gamma", 3, value);
  expect_samples("rgba8", 4, value);
}

TEST(ReadPng, StretchesFewBitsOfGreyToTheFullRange) {
  expect_samples("grey1", 1, [](int x, int y, int c) { return 255 * fixture_value(x, y, c, 1); });
  expect_samples("grey4", 1, [](int x, int y, int c) { return 17 * fixture_value(x, y, c, 4); });
}

TEST(ReadPng, RoundsSixteenBits) {
  const auto value = [](int x, int y, int c) { return by_257(fixture_value(x, y, c, 16)); };
  expect_samples("grey16", 1, value);
  expect_samples("rgb16", 3, value);
}

TEST(ReadPng, ExpandsGreyWithTransparencyToRgba) {
  expect_samples("grey_alpha", 4, [](int x, int y, int c) { return fixture_value(x, y, c == 3 ? 1 : 0, 8); });
  expect_samples("grey_transparent", 4, [](int x, int y, int c) {
    const int grey = fixture_value(x, y, 0, 8);
    return c < 3 ? grey : grey == 19 ? 0 : 255;
  });
}

TEST(ReadPng, LooksUpThePalette) {
  const auto colour = [](int x, int y, int c) {
    const int i = fixture_value(x, y, 0, 4);
    return c == 0 ? 255 - i : c == 1 ? i : c == 2 ? i * 7 % 256 : i < 4 ? 60 * i : 255;
  };
  expect_samples("palette", 3, colour);
  expect_samples("palette_transparent", 4, colour);
}

/// An independent reading of what encode_png may write: chunks with right checksums, one zlib stream, five filters.
Image decode_by_hand(const std::string& png) {
  const auto number = [&](std::size_t at) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<std::uint8_t>(png[at + i]);
    return value;
  };
  Image image;
  std::string packed;
  EXPECT_EQ(png.substr(0, 8), "\x89PNG\r\n\x1a\n");
  bool ended = false;
  for (std::size_t at = 8; at < png.size(); at += 12 + number(at)) {
    const std::uint32_t size = number(at);
    const std::string kind = png.substr(at + 4, 4), data = png.substr(at + 8, size);
    EXPECT_EQ(number(at + 8 + size), ::crc32(0, reinterpret_cast<const Bytef*>(&png[at + 4]), size + 4)) << kind;
    if (kind == "IHDR") {
      EXPECT_EQ(data[8], 8);
      const int type = data[9];
      image = Image(static_cast<int>(number(at + 8)), static_cast<int>(number(at + 12)),
                    type == 0   ? 1
                    : type == 2 ? 3
                    : type == 6 ? 4
                                : 0);
    }
    if (kind == "IDAT") packed += data;
    ended = kind == "IEND";
  }
  EXPECT_TRUE(ended);
  const std::size_t step = static_cast<std::size_t>(image.channels), row = step * static_cast<std::size_t>(image.width);
  std::string raw((row + 1) * static_cast<std::size_t>(image.height), '\0');
  uLongf raw_size = raw.size();
  EXPECT_EQ(::uncompress(reinterpret_cast<Bytef*>(raw.data()), &raw_size, reinterpret_cast<const Bytef*>(packed.data()),
                         packed.size()),
            Z_OK);
  EXPECT_EQ(raw_size, raw.size());
  for (std::size_t y = 0; y < static_cast<std::size_t>(image.height); ++y) {
    const int filter = raw[y * (row + 1)];
    for (std::size_t i = 0; i < row; ++i) {
      const int left = i >= step ? image.pixels[y * row + i - step] : 0;
      const int up = y > 0 ? image.pixels[(y - 1) * row + i] : 0;
      const int corner = i >= step && y > 0 ? image.pixels[(y - 1) * row + i - step] : 0;
      const int p = left + up - corner, pl = std::abs(p - left), pu = std::abs(p - up), pc = std::abs(p - corner);
      const int paeth = pl <= pu && pl <= pc ? left : pu <= pc ? up : corner;
      const int predicted[] = {0, left, up, (left + up) / 2, paeth};
      image.pixels[y * row + i] = static_cast<std::uint8_t>(raw[y * (row + 1) + 1 + i] + predicted[filter]);
    }
  }
  return image;
}

Image picture(int width, int height, int channels) {
  Image image(width, height, channels);
  RandomStream random(1, Purpose::dataset, 0);
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      for (int c = 0; c < channels; ++c)
        image.at(x, y)[c] = static_cast<std::uint8_t>(x * 5 + y * (c + 3) + static_cast<int>(random.below(9)));
  return image;
}

TEST(EncodePng, IsReadTheSameByAnotherDecoder) {
  for (const int channels : {1, 3, 4}) {
    for (const auto& [w, h] : {std::pair{1, 1}, {5, 3}, {64, 48}, {1, 300}}) {
      const Image image = picture(w, h, channels);
      EXPECT_EQ(decode_by_hand(encode_png(image)), image) << w << " x " << h << " x " << channels;
      EXPECT_EQ(decode_png(encode_png(image), "memory"), image) << w << " x " << h << " x " << channels;
    }
  }
}

TEST(EncodePng, GivesEqualBytesForEqualImages) {
  EXPECT_EQ(encode_png(picture(40, 30, 3)), encode_png(picture(40, 30, 3)));
}

TEST(EncodePng, RefusesWhatIsNoImage) {
  EXPECT_THROW(encode_png(Image()), Error);
  EXPECT_THROW(encode_png(Image(2, 2, 2)), Error);
  Image short_of_pixels(2, 2, 3);
  short_of_pixels.pixels.pop_back();
  EXPECT_THROW(encode_png(short_of_pixels), Error);
}

TEST(WritePng, CanBeReadBack) {
  const test::TemporaryFolder folder;
  write_png(folder / "a.png", picture(20, 10, 4));

  EXPECT_EQ(read_image_file(folder / "a.png"), picture(20, 10, 4));
}

TEST(ReadPng, RefusesEveryTruncationAndNamesTheFile) {
  const std::string whole = encode_png(picture(24, 18, 3));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const std::string message = input_error([&] { decode_png(whole.substr(0, size), "folder/cut.png"); });
    ASSERT_THAT(message, HasSubstr("folder/cut.png: ")) << size;
    if (size > 8) {
      ASSERT_THAT(message, HasSubstr("truncated PNG")) << size;
    }
  }
}

TEST(ReadPng, AnyDamagedByteIsRefusedOrHarmless) {
  const std::string whole = encode_png(picture(24, 18, 3));
  int refused = 0;
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x5A);
    try {
      decode_png(damaged, "damaged.png");
    } catch (const InputError&) {
      ++refused;
    }
  }
  // Each chunk carries a checksum: nearly every damage is seen.
  EXPECT_GT(refused, static_cast<int>(whole.size() * 9 / 10));
}

TEST(ReadPng, RefusesAHeaderThatPromisesMoreThanTheFileHolds) {
  std::string png = encode_png(Image(8, 8, 3));
  const auto put = [&](std::size_t at, std::uint32_t value) {
    for (std::size_t i = 0; i < 4; ++i) png[at + i] = static_cast<char>(value >> (24 - 8 * i));
  };
  const auto resized = [&](std::uint32_t width, std::uint32_t height) {
    put(16, width);
    put(20, height);
    put(29, static_cast<std::uint32_t>(::crc32(0, reinterpret_cast<const Bytef*>(&png[12]), 17)));
    return input_error([&] { decode_png(png, "big.png"); });
  };
  EXPECT_THAT(resized(100000, 100000), HasSubstr("more than the 1024 MiB accepted"));
  EXPECT_THAT(resized(15000, 15000), HasSubstr("truncated PNG"));
}

TEST(ReadPng, SaysWhatIsWrongWithTheFile) {
  EXPECT_THAT(input_error([] { decode_png("", "a.png"); }), HasSubstr("a.png: empty file"));
  EXPECT_THAT(input_error([] { decode_png("GIF89a....", "a.png"); }), HasSubstr("a.png: not a PNG image"));
}

}  // namespace
}  // namespace assay
