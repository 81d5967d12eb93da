#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "core/file.h"
#include "core/safetensors.h"
#include "images/image_file.h"
#include "tests/datasets/fixtures.h"

namespace assay {
namespace {

namespace fs = std::filesystem;
using test::input_error;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// tests/data/images/make_fixtures.py had other programs write the files, and wrote beside them what Pillow reads.
const fs::path data = fs::path(ASSAY_TEST_DATA) / "images";

std::vector<fs::path> files_of(const std::string& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(data / folder)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

/// [H, W, 5] bytes: red, green, blue, alpha, luma.
struct Expected {
  int width = 0, height = 0;
  std::vector<std::uint8_t> values;

  explicit Expected(const TensorView& tensor)
      : width(static_cast<int>(tensor.shape.at(1))), height(static_cast<int>(tensor.shape.at(0))) {
    for (const std::byte value : tensor.data) values.push_back(static_cast<std::uint8_t>(value));
  }
  std::uint8_t at(std::size_t pixel, int channel) const {
    return values[5 * pixel + static_cast<std::size_t>(channel)];
  }
};

/// The largest difference of a channel from what Pillow reads, of `image` as it is, as RGB and as grey.
int largest_difference(const Image& image, const Expected& expected) {
  const Image rgb = as_rgb(image), grey = as_grey(image);
  int largest = 0;
  for (std::size_t i = 0; i < grey.pixels.size(); ++i) {
    for (int c = 0; c < 3; ++c)
      largest = std::max(largest, std::abs(rgb.pixels[3 * i + static_cast<std::size_t>(c)] - expected.at(i, c)));
    const int alpha = image.channels == 4 ? image.pixels[4 * i + 3] : 255;
    largest = std::max({largest, std::abs(alpha - expected.at(i, 3)), std::abs(grey.pixels[i] - expected.at(i, 4))});
  }
  return largest;
}

class ImageFormats : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    for (const ImageFormat& format : image_formats()) {
      std::string name(format.name);
      std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
      if (name == GetParam()) format_ = format;
    }
    ASSERT_FALSE(format_.name.empty());
    if (!format_.is_built) GTEST_SKIP() << "this build has no " << format_.name;
  }
  std::vector<fs::path> files() const { return files_of(GetParam()); }
  SafetensorsFile expected() const { return SafetensorsFile(data / (std::string(GetParam()) + ".safetensors")); }

  ImageFormat format_;
};

// Lossy files, too: libwebp and libjpeg decode to the same values in every version that was tried.
TEST_P(ImageFormats, GivesThePixelsThatPillowGives) {
  const SafetensorsFile all = expected();
  ASSERT_GE(files().size(), 30u);
  for (const fs::path& file : files()) {
    SCOPED_TRACE(file.filename().string());
    const Expected pillow(all.at(file.filename().string()));
    const Image image = read_image_file(file);
    ASSERT_EQ(image.width, pillow.width);
    ASSERT_EQ(image.height, pillow.height);
    EXPECT_EQ(largest_difference(image, pillow), 0);
  }
}

TEST_P(ImageFormats, GivesLabelsWhereTheFileHoldsThemAndRefusesTheRest) {
  const SafetensorsFile all = expected();
  for (const fs::path& file : files()) {
    SCOPED_TRACE(file.filename().string());
    const std::string name = "labels/" + file.filename().string();
    if (!all.has(name)) {
      EXPECT_THAT(input_error([&] { read_label_map(file); }), HasSubstr("map of labels"));
      continue;
    }
    const Image labels = read_label_map(file);
    const TensorView& expected = all.at(name);
    ASSERT_EQ(labels.channels, 1);
    ASSERT_EQ((std::vector<std::int64_t>{labels.height, labels.width}), expected.shape);
    EXPECT_TRUE(std::equal(labels.pixels.begin(), labels.pixels.end(), expected.data.begin(), expected.data.end(),
                           [](std::uint8_t ours, std::byte theirs) { return std::byte{ours} == theirs; }));
  }
}

/// Nothing in a plain PGM or PPM shows that its last number had more digits.
bool cuts_the_last_number(const std::string& bytes, std::size_t size) {
  if (!bytes.starts_with("P2") && !bytes.starts_with("P3")) return false;
  const std::size_t last = bytes.find_last_of("0123456789"), before = bytes.find_last_not_of("0123456789", last);
  return size > before + 1 && size <= last;
}

TEST_P(ImageFormats, ACutFileIsRefusedByNameOrWholeAllTheSame) {
  ::testing::internal::CaptureStderr();
  for (const fs::path& file : files()) {
    const std::string bytes = read_file(file);
    const Image whole = decode_image(bytes, "whole");
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      if (cuts_the_last_number(bytes, size)) continue;
      try {
        ASSERT_EQ(decode_image(bytes.substr(0, size), "folder/cut"), whole) << file << " cut to " << size;
      } catch (const InputError& error) {
        ASSERT_THAT(error.what(), StartsWith("folder/cut: ")) << file << " cut to " << size;
      }
    }
  }
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

TEST_P(ImageFormats, ADamagedByteIsRefusedOrHarmless) {
  ::testing::internal::CaptureStderr();
  for (const fs::path& file : files()) {
    std::string bytes = read_file(file);
    for (std::size_t at = 0; at < std::min<std::size_t>(bytes.size(), 600); ++at) {
      bytes[at] = static_cast<char>(bytes[at] ^ 1);
      try {
        decode_image(bytes, "damaged");
      } catch (const InputError&) {
      }
      bytes[at] = static_cast<char>(bytes[at] ^ 1);
    }
  }
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

TEST_P(ImageFormats, ManyThreadsReadTheSame) {
  std::vector<Image> alone;
  for (const fs::path& file : files()) alone.push_back(read_image_file(file));
  std::vector<std::vector<Image>> together(8);
  std::vector<std::thread> threads;
  threads.reserve(together.size());
  for (auto& images : together)
    threads.emplace_back([&images, this] {
      for (const fs::path& file : files()) {
        images.push_back(read_image_file(file));
        const std::string bytes = read_file(file);
        try {
          decode_image(std::string_view(bytes).substr(0, bytes.size() / 2), "half");
        } catch (const InputError&) {
        }
      }
    });
  for (std::thread& thread : threads) thread.join();
  for (const auto& images : together) EXPECT_EQ(images, alone);
}

TEST_P(ImageFormats, GoesByContentAndNotByName) {
  const test::TemporaryFolder folder;
  const fs::path file = files().front();
  EXPECT_EQ(read_image_file(folder.file("other.png", read_file(file))), read_image_file(file));
}

INSTANTIATE_TEST_SUITE_P(All, ImageFormats, ::testing::Values("webp", "tiff", "bmp", "gif", "pnm"),
                         [](const auto& instance) { return std::string(instance.param); });

TEST(ImageFormatsOfThisBuild, AMissingLibraryIsNamed) {
  const std::map<std::string_view, std::string> folders = {{"WebP", "webp"}, {"TIFF", "tiff"}, {"GIF", "gif"}};
  for (const ImageFormat& format : image_formats()) {
    EXPECT_EQ(accepted_image_formats().find(format.name) != std::string::npos, format.is_built) << format.name;
    if (format.is_built) continue;
    EXPECT_TRUE(has_image_extension(std::string("a").append(format.extensions.front())));
    EXPECT_THAT(
        input_error([&] { read_image_file(files_of(folders.at(format.name)).front()); }),
        HasSubstr("this build has no " + std::string(format.name) + ": install " + std::string(format.package)));
  }
}

}  // namespace
}  // namespace assay
