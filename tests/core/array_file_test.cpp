#include "core/array_file.h"

#include <gmock/gmock.h>

#include <cstring>
#include <numeric>

#include "core/error.h"
#include "core/file.h"
#include "core/numbers.h"
#include "tests/support/npy.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/throws.h"

namespace assay {
namespace {

using test::bytes_of;
using test::message_of;
using test::npy_of;
using test::npy_of_type;
using test::TemporaryFolder;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ArrayFileTest : public ::testing::Test {
 protected:
  std::string refusal(const std::string& name, const std::string& content) {
    const auto file = folder_.file(name, content);
    std::string message = message_of<InputError>([&] { const ArrayFile opened(file); });
    EXPECT_THAT(message, HasSubstr(name));
    return message;
  }
  TemporaryFolder folder_;
};

TEST_F(ArrayFileTest, ANpyFileHoldsOneArrayWhateverTheCaseOfItsName) {
  for (const char* name : {"a.npy", "a.NPY", "a.npz", "features"}) {
    const ArrayFile file(folder_.file(
        name, npy_of_type(">i2", "2, 1", bytes_of(std::int16_t{-2}, true) + bytes_of(std::int16_t{258}, true))));
    EXPECT_THAT(file.names(), ElementsAre(ArrayFile::lone));
    EXPECT_EQ(file.header("arr_0").description(), "I16 [2, 1]");
    EXPECT_THAT(integers_of(file.read("arr_0"), "x"), ElementsAre(-2, 258));
  }
}

TEST_F(ArrayFileTest, StreamsGiveWhatReadGives) {
  std::string data;
  for (int i = 0; i < 12; ++i) data += bytes_of(static_cast<float>(i));
  const ArrayFile rows(folder_.file("rows.npy", npy_of_type("<f4", "4, 3", data)));
  const ArrayFile columns(
      folder_.file("columns.npy", npy_of("{'descr': '<f4', 'fortran_order': True, 'shape': (4, 3)}", data)));
  // Column-major: element [i, j] lies at 4 j + i.
  for (const auto& [file, first] : {std::pair{&rows, 1.0F}, {&columns, 4.0F}}) {
    const TensorView whole = file->read("arr_0");
    EXPECT_EQ(whole.f32("x")[1], first);
    const ArrayStream stream = file->stream("arr_0");
    for (int pass = 0; pass < 2; ++pass) {
      std::vector<std::byte> pieces(48);
      for (std::size_t at = 0; at < 48; at += 16) stream.read(std::span(pieces).subspan(at, 16));
      EXPECT_EQ(std::memcmp(pieces.data(), whole.data.data(), 48), 0);
      stream.rewind();
    }
  }
}

TEST_F(ArrayFileTest, ReadsTextOfEitherKind) {
  std::string letters;
  for (const std::uint32_t letter : {0x43U, 0xE9U, 0U, 0x1F600U, 0U, 0U}) letters += bytes_of(letter, true);
  const ArrayFile wide(folder_.file("wide.npy", npy_of_type(">U3", "2,", letters)));
  EXPECT_TRUE(wide.header("arr_0").text);
  EXPECT_THAT(wide.text("arr_0"), ElementsAre("C\xC3\xA9", "\xF0\x9F\x98\x80"));
  const ArrayFile narrow(folder_.file("narrow.npy", npy_of_type("|S3", "2,", std::string("ab\0cde", 6))));
  EXPECT_THAT(narrow.text("arr_0"), ElementsAre("ab", "cde"));
  EXPECT_THAT(message_of<InputError>([&] { narrow.read("arr_0"); }), HasSubstr("'|S3'"));
}

TEST_F(ArrayFileTest, SaysWhichFormatAFileHasInstead) {
  EXPECT_THAT(refusal("f.h5", "\x89HDF\r\n\x1a\nxxxxxxxxxxx"), AllOf(HasSubstr("HDF5"), HasSubstr(".npz")));
  EXPECT_THAT(refusal("f.pkl", "\x80\x04\x95xxxxxxxxxxxxxxx"), HasSubstr("pickle"));
  EXPECT_THAT(refusal("f.png", "\x89PNG\r\n\x1a\nxxxxxxxxxxx"), HasSubstr("PNG"));
  EXPECT_THAT(refusal("f.npy", "version https://git-lfs.github.com/spec/v1\noid"), HasSubstr("pointer of Git LFS"));
  EXPECT_THAT(refusal("f.txt", "1 2 3\n"), HasSubstr("expected arrays as .npz, .npy or .safetensors"));
  EXPECT_THAT(refusal("f.npz", "1 2 3\n"), HasSubstr("no zip"));
  EXPECT_THAT(refusal("f.npy", "1 2 3 4 5 6 7 8\n"), HasSubstr("no .npy array"));
  EXPECT_THAT(refusal("f.safetensors", ""), HasSubstr("too short"));
  EXPECT_THAT(message_of<InputError>([&] { const ArrayFile opened(folder_ / "none.npz"); }), HasSubstr("none.npz"));
}

TEST_F(ArrayFileTest, GoesByContentAndNotByName) {
  const std::string archive = read_file(ASSAY_TEST_DATA "/core/stored.npz");
  const ArrayFile file(folder_.file("archive.npy", archive));
  EXPECT_TRUE(file.has("single"));
  EXPECT_THAT(file.where("single"), HasSubstr("archive.npy: 'single'"));
  const ArrayFile lone(folder_.file("lone.npz", npy_of_type("<f4", "1,", "1234")));
  EXPECT_EQ(lone.where("arr_0"), lone.path());
}

TEST_F(ArrayFileTest, SaysHowMuchIsMissingOrTooMuch) {
  EXPECT_THAT(refusal("a.npy", npy_of_type("<f4", "3,", "12345678")),
              AllOf(HasSubstr("12 bytes, there are 8"), HasSubstr("truncated")));
  EXPECT_THAT(refusal("a.npy", npy_of_type("<f4", "1,", "12345678")), HasSubstr("more than one array"));
}

TEST_F(ArrayFileTest, NamesTheNearestArray) {
  const ArrayFile file(ASSAY_TEST_DATA "/core/stored.npz");
  EXPECT_THAT(message_of<InputError>([&] { file.read("singel"); }), HasSubstr("nearest: 'single'"));
}

}  // namespace
}  // namespace assay
