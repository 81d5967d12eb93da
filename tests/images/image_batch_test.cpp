#include "images/image_batch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <string>
#include <vector>

#include "core/error.h"
#include "tests/support/npz_batch.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/throws.h"

namespace assay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// Two images of 2 x 3 pixels, planes of one colour after another: 0, 1, 2, ...
std::vector<std::uint8_t> planes() {
  std::vector<std::uint8_t> bytes(2 * 3 * 2 * 3);
  std::iota(bytes.begin(), bytes.end(), std::uint8_t{0});
  return bytes;
}

TEST(ImagesInMemory, AreReadPixelByPixelInAnyOrder) {
  const auto bytes = planes();
  const auto images = images_in_memory(bytes, 2, 3);
  EXPECT_EQ(images->count(), 2);
  const Image second = images->read(1), first = images->read(0);
  EXPECT_EQ(first.height, 2);
  EXPECT_EQ(first.width, 3);
  EXPECT_THAT(std::vector<std::uint8_t>(first.pixels.begin(), first.pixels.begin() + 6),
              ElementsAre(0, 6, 12, 1, 7, 13));
  EXPECT_THAT(std::vector<std::uint8_t>(second.pixels.end() - 3, second.pixels.end()), ElementsAre(23, 29, 35));
}

TEST(ImagesInMemory, AreThoseOfABatchFileWithTheSameHash) {
  const auto bytes = planes();
  const test::TemporaryFolder folder;
  // A width of 6 can be no number of channels.
  test::write_npz(folder / "batch.npz", {{"images", "|u1", {2, 3, 1, 6}, std::string(bytes.begin(), bytes.end())}});
  const auto in_file = open_image_batch(folder / "batch.npz"), in_memory = images_in_memory(bytes, 1, 6);
  ASSERT_EQ(in_file->count(), in_memory->count());
  for (std::int64_t i = 0; i < in_file->count(); ++i) EXPECT_EQ(in_file->read(i), in_memory->read(i)) << i;
  EXPECT_EQ(in_file->hash(), in_memory->hash());
}

TEST(ImagesInMemory, AreRefusedWhereTheyAreNoWholeImages) {
  const auto bytes = planes();
  EXPECT_THAT(test::message_of<Error>([&] { images_in_memory(std::span(bytes).first(35), 2, 3); }),
              HasSubstr("35 bytes; expected images of 3 x 2 x 3"));
  EXPECT_THAT(test::message_of<Error>([&] { images_in_memory({}, 2, 3); }), HasSubstr("0 bytes"));
}

}  // namespace
}  // namespace assay
