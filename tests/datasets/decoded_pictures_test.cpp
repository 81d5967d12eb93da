#include "datasets/decoded_pictures.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/hash.h"
#include "tests/datasets/picture_files.h"
#include "tests/support/temporary_folder.h"

namespace assay {
namespace {

namespace fs = std::filesystem;

/// A whole picture, one that is transparent all over, one that is too small and one that is damaged.
class DecodedPictures : public ::testing::Test {
 protected:
  DecodedPictures() {
    add("whole", encode_png(test::object_image(16, 12, 2, 200)));
    add("clear", encode_png(Image(16, 16, 4, 0)));
    add("small", encode_png(test::object_image(4, 4, 0, 200)));
    add("damaged", encode_png(test::object_image(16, 16, 2, 200)).substr(0, 60));
  }
  void add(const std::string& name, const std::string& content) {
    const fs::path file = folder_ / (name + ".png");
    write_file_atomically(file, content);
    files_.push_back({file, hash_text(content)});
  }
  std::vector<DecodedPicture> decode(int size = 8, std::uint64_t bytes = 1000) const {
    return decode_pictures(files_, bytes, size, cache_);
  }
  /// From here on only the cache knows them.
  void lose_files() const {
    for (const PictureFile& file : files_) fs::remove(file.file);
  }
  std::vector<fs::path> kept() const {
    std::vector<fs::path> found;
    if (fs::exists(cache_.folder))
      for (const auto& entry : fs::directory_iterator(cache_.folder)) found.push_back(entry.path());
    return found;
  }

  test::TemporaryFolder folder_;
  std::vector<PictureFile> files_;
  PictureCache cache_{folder_ / "cache" / "pictures", 1000, 1 << 20};
};

void expect_equal(const std::vector<DecodedPicture>& a, const std::vector<DecodedPicture>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].missing, b[i].missing) << i;
    EXPECT_EQ(a[i].pixels, b[i].pixels) << i;
    EXPECT_EQ(a[i].cutout.width, b[i].cutout.width) << i;
    EXPECT_EQ(a[i].cutout.pixels, b[i].cutout.pixels) << i;
  }
}

TEST_F(DecodedPictures, AreTheSameFromTheCache) {
  const std::vector<DecodedPicture> first = decode();
  EXPECT_EQ(first[0].missing, "");
  EXPECT_EQ(first[0].cutout.pixels.size(), 8U * 8 * 4);
  EXPECT_EQ(first[1].missing, "the picture is transparent all over");
  EXPECT_EQ(first[2].missing, "the picture is 4 pixels wide, less than the 8 asked for");
  EXPECT_NE(first[3].missing.find("damaged.png: truncated PNG"), std::string::npos) << first[3].missing;
  for (std::size_t i = 1; i < 4; ++i) EXPECT_TRUE(first[i].cutout.pixels.empty()) << i;
  lose_files();
  expect_equal(decode(), first);
}

TEST_F(DecodedPictures, AreThoseOfJustTheseFilesAndThisSize) {
  decode();
  lose_files();
  const auto lost = [](const std::vector<DecodedPicture>& pictures) { return !pictures[0].missing.empty(); };
  EXPECT_FALSE(lost(decode()));
  EXPECT_TRUE(lost(decode(9)));
  std::swap(files_[0], files_[1]);
  EXPECT_TRUE(lost(decode()));
  std::swap(files_[0], files_[1]);
  files_[0].bytes = hash_text("another content");
  EXPECT_TRUE(lost(decode()));
}

TEST_F(DecodedPictures, AreDecodedAnewWhereTheCacheIsSpoiled) {
  const std::vector<DecodedPicture> first = decode();
  ASSERT_EQ(kept().size(), 1U);
  const fs::path place = kept().front();
  const std::string whole = read_file(place);
  std::string flipped = whole;
  flipped.back() = static_cast<char>(flipped.back() ^ 1);
  for (const std::string& spoiled : {flipped, whole.substr(0, whole.size() - 1), std::string(), std::string("{}")}) {
    write_file_atomically(place, spoiled);
    expect_equal(decode(), first);
    EXPECT_EQ(read_file(place), whole) << "mended";
  }
}

TEST_F(DecodedPictures, AreKeptWhereThatIsWorthIt) {
  decode(8, 999);
  EXPECT_TRUE(kept().empty()) << "too few bytes to decode";
  cache_.most = 4 * 8 * 8 * 4 - 1;
  decode();
  EXPECT_TRUE(kept().empty()) << "too many to keep";
  cache_.most += 1;
  decode();
  EXPECT_EQ(kept().size(), 1U);
}

TEST_F(DecodedPictures, DoNotNeedAFolderThatCanBeWritten) {
  const std::vector<DecodedPicture> first = decode();
  for (const fs::path& folder : {fs::path(), files_[0].file / "below a file"}) {
    cache_.folder = folder;
    expect_equal(decode(), first);
  }
}

}  // namespace
}  // namespace assay
