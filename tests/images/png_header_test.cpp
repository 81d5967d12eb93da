#include "images/png_header.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "core/file.h"
#include "tests/datasets/picture_files.h"

namespace assay {
namespace {

TEST(PngHeader, HasTheSizeAndTheFirstTextOfEachKeyword) {
  const std::string bytes =
      test::png_with_texts(Image(7, 3, 4), {{"Title", "a bat"}, {"Title", "other"}, {"Author", "\xE9"}});
  const PngHeader header = read_png_header(bytes);

  EXPECT_EQ(header.width, 7u);
  EXPECT_EQ(header.height, 3u);
  EXPECT_EQ(header.texts, (std::map<std::string, std::string>{{"Title", "a bat"}, {"Author", "\xE9"}}));
}

TEST(PngHeader, ReadsFilesOfOtherWriters) {
  const PngHeader header = read_png_header(read_file(std::filesystem::path(ASSAY_TEST_DATA) / "png/grey16.png"));
  EXPECT_EQ(header.width, 13u);
  EXPECT_EQ(header.height, 7u);
}

TEST(PngHeader, IsReadAsFarAsTheFileGoes) {
  const std::string bytes = test::png_with_texts(Image(7, 3, 4), {{"Title", "a bat"}});
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const PngHeader header = read_png_header(bytes.substr(0, size));
    EXPECT_EQ(header.width, size < 33 ? 0u : 7u) << size;  // the signature and IHDR have 33 bytes
  }
  EXPECT_EQ(read_png_header("GIF89a").width, 0u);
}

}  // namespace
}  // namespace assay
