#include "core/npz.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "core/error.h"
#include "core/file.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/throws.h"

namespace assay {
namespace {

using test::message_of;
using test::TemporaryFolder;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// tests/data/core/*.npz were written by NumPy 2.4.6:
//   savez("stored.npz", single=arange(6, dtype="f4").reshape(2, 3) / 4,
//         double=asfortranarray(arange(24.).reshape(2, 3, 4)), labels=array([3, -1, 1 << 40]),
//         bytes=arange(5, dtype="u1"), scalar=array(2.5), empty=zeros((0, 4), "f4"), big=arange(3, dtype=">f4"),
//         text=array(["a"]))
//   savez_compressed("deflated.npz", zeros=zeros((100, 7), "f4"), ramp=arange(1000))
constexpr const char* stored = ASSAY_TEST_DATA "/core/stored.npz";
constexpr const char* deflated = ASSAY_TEST_DATA "/core/deflated.npz";

NpyArray read(const NpzFile& file, const std::string& name) {
  NpyStream stream = file.stream(name);
  return read_whole(stream);
}

template <class T>
std::vector<T> numbers(const NpyArray& array) {
  std::vector<T> out(array.data.size() / sizeof(T));
  std::memcpy(out.data(), array.data.data(), out.size() * sizeof(T));
  return out;
}

TEST(Npz, ReadsArraysOfEveryKind) {
  const NpzFile file(stored);
  EXPECT_THAT(file.names(), ElementsAre("big", "bytes", "double", "empty", "labels", "scalar", "single", "text"));
  const NpyArray single = read(file, "single");
  EXPECT_THAT(single.shape, ElementsAre(2, 3));
  EXPECT_THAT(numbers<float>(single), ElementsAre(0, 0.25, 0.5, 0.75, 1, 1.25));
  EXPECT_THAT(numbers<std::int64_t>(read(file, "labels")), ElementsAre(3, -1, std::int64_t{1} << 40));
  EXPECT_THAT(numbers<unsigned char>(read(file, "bytes")), ElementsAre(0, 1, 2, 3, 4));
  EXPECT_THAT(read(file, "scalar").shape, ElementsAre());
  EXPECT_THAT(numbers<double>(read(file, "scalar")), ElementsAre(2.5));
  EXPECT_THAT(read(file, "empty").shape, ElementsAre(0, 4));
  EXPECT_THAT(numbers<float>(read(file, "big")), ElementsAre(0, 1, 2));
  NpyStream text = file.stream("text");
  EXPECT_THAT(read_text(text), ElementsAre("a"));
}

TEST(Npz, StreamsBigEndianNumbersAsLittleOnes) {
  NpyStream stream = NpzFile(stored).stream("big");
  std::array<float, 2> first{};
  stream.read(std::as_writable_bytes(std::span(first)));
  EXPECT_THAT(first, ElementsAre(0, 1));
  std::array<std::byte, 3> part{};
  EXPECT_THROW(stream.read(part), Error);
}

TEST(Npz, GivesFortranOrderInCOrder) {
  const NpyArray array = read(NpzFile(stored), "double");
  EXPECT_THAT(array.shape, ElementsAre(2, 3, 4));
  const auto values = numbers<double>(array);
  for (std::size_t i = 0; i < 24; ++i) EXPECT_EQ(values[i], static_cast<double>(i));
}

TEST(Npz, ReadsDeflatedArrays) {
  const NpzFile file(deflated);
  EXPECT_EQ(numbers<float>(read(file, "zeros")), std::vector<float>(700, 0.0f));
  const auto ramp = numbers<std::int64_t>(read(file, "ramp"));
  ASSERT_EQ(ramp.size(), 1000U);
  EXPECT_EQ(ramp[999], 999);
}

TEST(Npz, StreamsWhatItReadsWhole) {
  for (const auto& [path, name] :
       {std::pair{stored, "single"}, {stored, "empty"}, {deflated, "zeros"}, {deflated, "ramp"}}) {
    const NpzFile file(path);
    const NpyArray whole = read(file, name);
    NpyStream stream = file.stream(name);
    EXPECT_EQ(stream.header().shape, whole.shape);
    EXPECT_EQ(stream.header().bytes, whole.data.size());
    for (int pass = 0; pass < 2; ++pass) {
      std::vector<std::byte> pieces(whole.data.size());
      for (std::size_t at = 0; at < pieces.size(); at += 7)
        stream.read(std::span(pieces).subspan(at, std::min<std::size_t>(7, pieces.size() - at)));
      EXPECT_EQ(pieces, whole.data) << name << ", pass " << pass;
      stream.rewind();
    }
  }
}

TEST(Npz, AStreamFindsDamageAtItsEndAndReadsNoFurther) {
  const TemporaryFolder folder;
  std::string content = read_file(stored);
  content[content.find("NUMPY") + 130] ^= 1;
  const NpzFile file(folder.file("damaged.npz", content));
  NpyStream stream = file.stream("single");
  std::vector<std::byte> half(12);
  stream.read(half);
  EXPECT_THAT(message_of<InputError>([&] { stream.read(half); }), HasSubstr("checksum"));
  EXPECT_THAT(message_of<InputError>([&] { stream.read(half); }), HasSubstr("truncated"));
}

TEST(Npz, NamesWhatItCannotRead) {
  const NpzFile file(stored);
  EXPECT_THAT(message_of<InputError>([&] { read(file, "text"); }), AllOf(HasSubstr("'text'"), HasSubstr("'<U1'")));
  EXPECT_THAT(message_of<InputError>([&] { read(file, "singel"); }), HasSubstr("nearest: 'single'"));
}

TEST(Npz, RefusesATruncatedFileWhereverItEnds) {
  const TemporaryFolder folder;
  for (const char* path : {stored, deflated}) {
    const std::string whole = read_file(path);
    for (const std::size_t size : {std::size_t{0}, std::size_t{3}, whole.size() / 2, whole.size() - 1}) {
      const auto cut = folder.file("cut.npz", whole.substr(0, size));
      EXPECT_THAT(message_of<InputError>([&] { const NpzFile file(cut); }), HasSubstr("cut.npz")) << size;
    }
  }
}

TEST(Npz, FindsDamagedContent) {
  const TemporaryFolder folder;
  std::string content = read_file(stored);
  content[content.find("NUMPY") + 130] ^= 1;  // among the numbers of the first array
  const NpzFile file(folder.file("damaged.npz", content));
  EXPECT_THAT(message_of<InputError>([&] { read(file, "single"); }), HasSubstr("checksum"));
  content = read_file(deflated);
  content[content.size() / 2] ^= 0x55;
  const NpzFile packed(folder.file("packed.npz", content));
  EXPECT_THAT(message_of<InputError>([&] { read(packed, "ramp"); }), HasSubstr("packed.npz: 'ramp'"));
}

TEST(Npz, RefusesAnArrayThatItsPackedBytesCannotFill) {
  const TemporaryFolder folder;
  std::string content = read_file(deflated);
  const std::size_t entry = content.rfind("PK\x01\x02");
  const std::uint32_t claim = 0x7FFFFFFF;  // 2 GiB, of some hundred bytes
  std::memcpy(content.data() + entry + 24, &claim, 4);
  EXPECT_THAT(message_of<InputError>([&] { NpzFile(folder.file("claims.npz", content)); }),
              AllOf(HasSubstr("claims.npz"), HasSubstr("2147483647 bytes cannot be unpacked from")));
}

}  // namespace
}  // namespace assay
