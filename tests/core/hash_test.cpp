#include "core/hash.h"

#include <gtest/gtest.h>

#include <array>

#include "core/error.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/throws.h"

namespace assay {
namespace {

using test::message_of;
using test::TemporaryFolder;

// The expected digits come from xxh128sum 0.8.1 (Debian package xxhash).

TEST(Hash, IsXxh128OfTheBytes) {
  EXPECT_EQ(hash_text(""), "99aa06d3014798d86001c324468d497f");     // printf '' | xxh128sum
  EXPECT_EQ(hash_text("abc"), "06b05ab6733a618578af5f94892f3950");  // printf abc | xxh128sum
}

TEST(Hash, OfAFileLongerThanTheReadBuffer) {
  // python3 -c "import sys; sys.stdout.buffer.write(bytes(i * 7 % 251 for i in range(3000000)))" | xxh128sum
  std::string content(3000000, '\0');
  for (std::size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>(i * 7 % 251);
  const TemporaryFolder folder;
  EXPECT_EQ(hash_file(folder.file("big", content)), "4e46536e7998c1ac8cf647b0a14f596a");
  EXPECT_EQ(hash_text(content), "4e46536e7998c1ac8cf647b0a14f596a");
}

TEST(Hash, OfAFileIsThatOfItsContentWhateverItsLength) {
  const TemporaryFolder folder;
  for (const std::size_t size : {0U, 1U, 1U << 20, (1U << 20) + 1}) {
    const std::string content(size, 'x');
    EXPECT_EQ(hash_file(folder.file("a", content)), hash_text(content)) << size;
  }
}

TEST(Hash, WritesTextAndNumbersLittleEndianWithTheirLength) {
  // printf '\x02\0\0\0\0\0\0\0ab' | xxh128sum, and with '\x01\0\0\0\0\0\0\0c' after it
  EXPECT_EQ(Hasher().text("ab").hex(), "25a212f2233721086f8c63c1ad107f4b");
  EXPECT_EQ(Hasher().text("ab").text("c").hex(), "f2eda2708bcfd51cc05c0ee4c9f60440");
  // python3 -c "import struct, sys; sys.stdout.buffer.write(struct.pack('<qdq3f', -5, 0.5, 3, 1, 2, 3))" | xxh128sum
  const std::array<float, 3> values{1, 2, 3};
  EXPECT_EQ(Hasher().number(std::int64_t{-5}).number(0.5).values(std::span<const float>(values)).hex(),
            "e3ad4f101e92f49d408aa3fb2a018d81");
}

TEST(Hash, DependsOnWhereOneTextEnds) {
  EXPECT_NE(Hasher().text("ab").text("c").hex(), Hasher().text("a").text("bc").hex());
  EXPECT_NE(Hasher().text("ab").hex(), Hasher().text("ab").text("").hex());
}

TEST(Hash, CanBeReadHalfWay) {
  Hasher hasher;
  hasher.bytes("ab", 2);
  EXPECT_EQ(hasher.hex(), hash_text("ab"));
  hasher.bytes("c", 1);
  EXPECT_EQ(hasher.hex(), hash_text("abc"));
}

TEST(Hash, RefusesWhatCannotBeRead) {
  const TemporaryFolder folder;
  EXPECT_EQ(message_of<InputError>([&] { hash_file(folder / "absent"); }),
            (folder / "absent").string() + ": cannot be read: No such file or directory");
  EXPECT_THROW(hash_file(folder.path()), InputError);
}

}  // namespace
}  // namespace assay
