#include "core/safetensors.h"

#include <gmock/gmock.h>

#include <array>
#include <cstring>
#include <utility>

#include "core/error.h"
#include "core/file.h"
#include "core/philox.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/throws.h"

namespace assay {
namespace {

using test::message_of;
using test::TemporaryFolder;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

/// Header length, header, data: a file as the format describes it, whatever the header says.
std::string file_of(std::string_view header, std::string_view data) {
  const std::uint64_t size = header.size();
  std::string content(8, '\0');
  std::memcpy(content.data(), &size, 8);
  return content.append(header).append(data);
}

std::string fault_of(std::string_view content) {
  const TemporaryFolder folder;
  const auto path = folder.file("weights.safetensors", content);
  std::string message = message_of<InputError>([&] { const SafetensorsFile file(path); });
  EXPECT_THAT(message, HasSubstr(path.string()));
  return message;
}

std::string small_file() {
  return file_of(
      R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"U8","shape":[3],"data_offsets":[8,11]}})",
      "abcdefghijk");
}

// tests/data/core/reference.safetensors was written by the Python package safetensors 0.8.0:
//   save_file({"weight": np.arange(6, dtype=np.float32).reshape(2, 3) / 4, "labels": np.array([3, -1, 1 << 40]),
//              "scalar": np.array(2.5), "empty": np.zeros((0, 4), np.float32), "flag": np.array([True, False, True]),
//              "half": np.array([0.5, -2], np.float16), "byte": np.array([7], np.uint8)}, path, {"maker":
//              "safetensors"})
TEST(Safetensors, ReadsAFileOfTheReferenceWriter) {
  const SafetensorsFile file(ASSAY_TEST_DATA "/core/reference.safetensors");
  EXPECT_EQ(file.tensors().size(), 7U);
  EXPECT_THAT(file.metadata(), ElementsAre(Pair("maker", "safetensors")));

  EXPECT_THAT(file.at("weight").shape, ElementsAre(2, 3));
  EXPECT_THAT(file.at("weight").f32("weight"), ElementsAre(0, 0.25, 0.5, 0.75, 1, 1.25));
  EXPECT_THAT(file.at("labels").i64("labels"), ElementsAre(3, -1, std::int64_t{1} << 40));
  EXPECT_THAT(file.at("empty").shape, ElementsAre(0, 4));
  EXPECT_THAT(file.at("empty").f32("empty"), IsEmpty());
  EXPECT_EQ(file.at("empty").numel(), 0);

  const TensorView& scalar = file.at("scalar");
  double value = 0;
  ASSERT_EQ(scalar.data.size(), sizeof value);
  std::memcpy(&value, scalar.data.data(), sizeof value);
  EXPECT_EQ(value, 2.5);
  EXPECT_EQ(scalar.type, DType::f64);
  EXPECT_EQ(scalar.numel(), 1);

  EXPECT_EQ(file.at("flag").type, DType::boolean);
  EXPECT_THAT(file.at("flag").data, ElementsAre(std::byte{1}, std::byte{0}, std::byte{1}));
  EXPECT_EQ(file.at("byte").type, DType::u8);
  EXPECT_EQ(file.at("half").type, DType::f16);
  // IEEE 754 binary16: 0.5 is 0x3800, -2 is 0xc000.
  EXPECT_THAT(file.at("half").data, ElementsAre(std::byte{0}, std::byte{0x38}, std::byte{0}, std::byte{0xc0}));
}

TEST(Safetensors, ReadsBackWhatItWrote) {
  const std::array<float, 6> weight{1, 2, 3, 4, 5, 6};
  const std::array<std::int64_t, 2> labels{-7, std::int64_t{1} << 60};
  const std::array<std::byte, 3> bytes{std::byte{1}, std::byte{2}, std::byte{255}};
  SafetensorsWriter writer;
  writer.add("mask", DType::u8, {3}, bytes);
  writer.add("weight", {3, 2}, weight);
  writer.add("labels", {2}, labels);
  writer.add("none", {0, 5}, std::span<const float>());
  writer.add("scalar", {}, std::span<const float>(weight).first(1));
  writer.add_metadata("step", "12");

  const TemporaryFolder folder;
  writer.write(folder / "a.safetensors");
  const SafetensorsFile file(folder / "a.safetensors");
  EXPECT_THAT(file.metadata(), ElementsAre(Pair("step", "12")));
  EXPECT_EQ(file.tensors().size(), 5U);
  EXPECT_THAT(file.at("weight").shape, ElementsAre(3, 2));
  EXPECT_THAT(file.at("weight").f32("weight"), ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_THAT(file.at("labels").i64("labels"), ElementsAre(-7, std::int64_t{1} << 60));
  EXPECT_THAT(file.at("mask").data, ElementsAre(std::byte{1}, std::byte{2}, std::byte{255}));
  EXPECT_THAT(file.at("none").f32("none"), IsEmpty());
  EXPECT_THAT(file.at("scalar").f32("scalar"), ElementsAre(1));
  EXPECT_TRUE(file.has("none"));
  EXPECT_FALSE(file.has("step"));
}

TEST(Safetensors, EveryTypeKeepsItsNameAndSize) {
  const std::array<std::pair<DType, std::pair<std::string_view, std::size_t>>, 10> types{{{DType::f16, {"F16", 2}},
                                                                                          {DType::bf16, {"BF16", 2}},
                                                                                          {DType::f32, {"F32", 4}},
                                                                                          {DType::f64, {"F64", 8}},
                                                                                          {DType::i8, {"I8", 1}},
                                                                                          {DType::u8, {"U8", 1}},
                                                                                          {DType::boolean, {"BOOL", 1}},
                                                                                          {DType::i16, {"I16", 2}},
                                                                                          {DType::i32, {"I32", 4}},
                                                                                          {DType::i64, {"I64", 8}}}};
  SafetensorsWriter writer;
  for (const auto& [type, expected] : types) {
    EXPECT_EQ(name_of(type), expected.first);
    EXPECT_EQ(size_of(type), expected.second);
    writer.add(std::string(expected.first), type, {3}, std::vector<std::byte>(3 * expected.second, std::byte{9}));
  }
  const TemporaryFolder folder;
  writer.write(folder / "a");
  const SafetensorsFile file(folder / "a");
  for (const auto& [type, expected] : types) {
    const TensorView& view = file.at(std::string(expected.first));
    EXPECT_EQ(view.type, type);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(view.data.data()) % expected.second, 0U);
  }
}

// Names, bits and packing of the safetensors library, version 0.8: F4 and F6 elements lie close together, and a range
// is checked where the size of an element is known.
TEST(Safetensors, TensorsOfTypesThatAreNotReadMayLieBesideOthers) {
  const TemporaryFolder folder;
  const auto file = folder.file("a", file_of(R"({"a":{"dtype":"F8_E4M3","shape":[3],"data_offsets":[0,3]},)"
                                             R"("b":{"dtype":"F4","shape":[2,3],"data_offsets":[3,6]},)"
                                             R"("c":{"dtype":"F6_E2M3","shape":[4],"data_offsets":[6,9]},)"
                                             R"("d":{"dtype":"F99_NEW","shape":[7],"data_offsets":[9,14]},)"
                                             R"("e":{"dtype":"U16","shape":[1],"data_offsets":[14,16]},)"
                                             R"("f":{"dtype":"C64","shape":[1],"data_offsets":[16,24]},)"
                                             R"("w":{"dtype":"F32","shape":[1],"data_offsets":[24,28]}})",
                                             std::string("abcdefghijklmnopqrstuvwx") + std::string("\0\0\xC0\x3F", 4)));
  const SafetensorsFile stored(file);
  EXPECT_THAT(stored.at("w").f32("w"), ElementsAre(1.5F));
  EXPECT_EQ(stored.at("a").type, DType::other);
  EXPECT_EQ(stored.at("a").type_name(), "F8_E4M3");
  EXPECT_EQ(stored.at("d").type_name(), "F99_NEW");
  EXPECT_EQ(stored.at("d").data.size(), 5U);
  EXPECT_EQ(stored.at("e").type, DType::u16);
  EXPECT_THAT(message_of<InputError>([&] { stored.at("a").f32("a"); }),
              AllOf(HasSubstr("expected F32"), HasSubstr("F8_E4M3")));
  const auto short_range =
      folder.file("b", file_of(R"({"a":{"dtype":"F8_E5M2","shape":[4],"data_offsets":[0,3]}})", "abc"));
  EXPECT_THAT(message_of<InputError>([&] { const SafetensorsFile opened(short_range); }), HasSubstr("needs 4 bytes"));
}

TEST(Safetensors, WritesTheSameBytesInWhateverOrderTensorsCome) {
  const std::array<float, 2> a{1, 2};
  const std::array<std::int64_t, 1> b{3};
  SafetensorsWriter one, two;
  one.add("a", {2}, a);
  one.add("b", {1}, b);
  two.add("b", {1}, b);
  two.add("a", {2}, a);
  const TemporaryFolder folder;
  one.write(folder / "one");
  two.write(folder / "two");
  EXPECT_EQ(read_file(folder / "one"), read_file(folder / "two"));
}

TEST(Safetensors, WriterRefusesAShapeThatDoesNotFitTheData) {
  const std::array<float, 2> a{1, 2};
  SafetensorsWriter writer;
  EXPECT_THAT(message_of<Error>([&] { writer.add("a", {3}, a); }), AllOf(HasSubstr("'a'"), HasSubstr("[3]")));
  EXPECT_THROW(writer.add("a", {-2}, a), Error);
  EXPECT_THROW(writer.add("a", {std::int64_t{1} << 62, 16}, a), Error);
}

TEST(Safetensors, ReadsNumbersThatAreNotAligned) {
  float value = 0.75F;
  std::string data = "xyz";
  data.append(reinterpret_cast<const char*>(&value), sizeof value);
  const TemporaryFolder folder;
  const SafetensorsFile file(folder.file(
      "a",
      file_of(
          R"({"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},"b":{"dtype":"F32","shape":[1],"data_offsets":[3,7]}})",
          data)));
  EXPECT_THAT(file.at("b").f32("b"), ElementsAre(0.75F));
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(file.at("b").data.data()) % alignof(float), 0U);
}

TEST(Safetensors, ViewsStayValidWhenTheFileIsMoved) {
  const TemporaryFolder folder;
  SafetensorsFile first(folder.file("a", small_file()));
  const SafetensorsFile second(std::move(first));
  EXPECT_EQ(std::memcmp(second.at("b").data.data(), "ijk", 3), 0);
}

TEST(Safetensors, NamesTheNearestTensorAndTheTypeFound) {
  const TemporaryFolder folder;
  const SafetensorsFile file(
      folder.file("a", file_of(R"({"out.weight":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", "abcd")));
  EXPECT_THAT(message_of<InputError>([&] { file.at("out.wieght"); }),
              AllOf(HasSubstr(file.path()), HasSubstr("'out.wieght'"), HasSubstr("nearest: 'out.weight'")));
  EXPECT_THAT(message_of<InputError>([&] { file.at("out.weight").i64("out.weight"); }),
              AllOf(HasSubstr("'out.weight'"), HasSubstr("expected I64, got F32")));
}

TEST(Safetensors, RefusesABadHeaderLength) {
  EXPECT_THAT(fault_of(""), HasSubstr("0 bytes long"));
  EXPECT_THAT(fault_of("1234567"), HasSubstr("7 bytes long"));
  EXPECT_THAT(fault_of(std::string("\x03\0\0\0\0\0\0\0{}", 10)), HasSubstr("claims 3 bytes, the file has 2"));
  EXPECT_THAT(fault_of(std::string(8, '\xff') + "{}"), HasSubstr("claims 18446744073709551615 bytes"));
}

TEST(Safetensors, RefusesAHeaderThatIsNoJsonObject) {
  for (const std::string_view header : {"", "{", "no", "{\"a\":", "\"\xff\"", "{\"a\":1e999}"})
    EXPECT_THAT(fault_of(file_of(header, "")), HasSubstr("not JSON")) << header;
  for (const std::string_view header : {"[]", "3", "null", "\"a\""})
    EXPECT_THAT(fault_of(file_of(header, "")), HasSubstr("not a JSON object")) << header;
  EXPECT_THAT(fault_of(file_of(R"({"__metadata__":3})", "")), HasSubstr("__metadata__"));
  EXPECT_THAT(fault_of(file_of(R"({"__metadata__":{"step":3}})", "")), HasSubstr("'step'"));
}

TEST(Safetensors, RefusesATensorWithoutSoundTypeShapeOrOffsets) {
  for (const std::string_view entry :
       {R"(3)", R"({})", R"({"dtype":"F32","shape":[1]})", R"({"dtype":"F32","data_offsets":[0,4]})",
        R"({"shape":[1],"data_offsets":[0,4]})", R"({"dtype":4,"shape":[1],"data_offsets":[0,4]})",
        R"({"dtype":"F32","shape":1,"data_offsets":[0,4]})", R"({"dtype":"F32","shape":null,"data_offsets":[0,4]})",
        R"({"dtype":"F32","shape":{"a":1},"data_offsets":[0,4]})",
        R"({"dtype":"F32","shape":[1.0],"data_offsets":[0,4]})",
        R"({"dtype":"F32","shape":["1"],"data_offsets":[0,4]})", R"({"dtype":"F32","shape":[1],"data_offsets":[0]})",
        R"({"dtype":"F32","shape":[1],"data_offsets":[0,4,8]})",
        R"({"dtype":"F32","shape":[1],"data_offsets":[0,4.0]})", R"({"dtype":"F32","shape":[1],"data_offsets":[-4,0]})",
        R"({"dtype":"F32","shape":[1],"data_offsets":{"a":0,"b":4}})",
        R"({"dtype":"F32","shape":[1],"data_offsets":"04"})"})
    EXPECT_THAT(fault_of(file_of(R"({"a":)" + std::string(entry) + "}", "abcd")), HasSubstr("tensor 'a'")) << entry;
}

TEST(Safetensors, RefusesAShapeThatDoesNotFitItsRange) {
  const auto fault = [](const std::string& shape, const std::string& offsets) {
    return fault_of(
        file_of(R"({"a":{"dtype":"F32","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}", "abcdefgh"));
  };
  EXPECT_THAT(fault("[3]", "[0,8]"), HasSubstr("needs 12 bytes, its range has 8"));
  EXPECT_THAT(fault("[1]", "[0,8]"), HasSubstr("needs 4 bytes, its range has 8"));
  EXPECT_THAT(fault("[]", "[0,8]"), HasSubstr("needs 4 bytes"));
  EXPECT_THAT(fault("[-2]", "[0,8]"), HasSubstr("impossible shape [-2]"));
  EXPECT_THAT(fault("[-1,-2]", "[0,8]"), HasSubstr("impossible shape"));
  EXPECT_THAT(fault("[18446744073709551615]", "[0,8]"), HasSubstr("impossible shape"));
  // 2^62 + 2 floats are 8 bytes modulo 2^64.
  EXPECT_THAT(fault("[4611686018427387906]", "[0,8]"), HasSubstr("impossible shape"));
  EXPECT_THAT(fault("[4294967296,4294967296]", "[0,8]"), HasSubstr("impossible shape"));
  // Of no element, but each row would be of more than any number counts.
  EXPECT_THAT(fault("[0,4294967296,4294967296]", "[0,0]"), HasSubstr("impossible shape"));
}

TEST(Safetensors, RefusesRangesThatLeaveTheFileOverlapOrLeaveGaps) {
  const auto fault = [](const std::string& first, const std::string& second) {
    return fault_of(file_of(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":)" + first +
                                R"(},"b":{"dtype":"F32","shape":[1],"data_offsets":)" + second + "}}",
                            "abcdefghijkl"));
  };
  EXPECT_THAT(fault("[0,4]", "[10,14]"), HasSubstr("tensor 'b' spans bytes 10 to 14 of 12"));
  EXPECT_THAT(fault("[0,4]", "[4,0]"), HasSubstr("tensor 'b' spans bytes 4 to 0"));
  EXPECT_THAT(fault("[0,4]", "[18446744073709551612,18446744073709551615]"), HasSubstr("tensor 'b'"));
  EXPECT_THAT(fault("[0,4]", "[0,4]"), HasSubstr("overlap at byte 0"));
  EXPECT_THAT(fault("[0,4]", "[2,6]"), HasSubstr("overlap at byte 2"));
  EXPECT_THAT(fault("[4,8]", "[8,12]"), HasSubstr("bytes 0 to 4 belong to no tensor"));
  EXPECT_THAT(fault("[0,4]", "[8,12]"), HasSubstr("bytes 4 to 8 belong to no tensor"));
  EXPECT_THAT(fault("[0,4]", "[4,8]"), HasSubstr("bytes 8 to 12 belong to no tensor"));
}

TEST(Safetensors, RefusesAValidFileCutAnywhere) {
  const TemporaryFolder folder;
  const std::string whole = small_file();
  { const SafetensorsFile file(folder.file("a", whole)); }
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto path = folder.file(std::to_string(size), whole.substr(0, size));
    EXPECT_THROW(SafetensorsFile{path}, InputError) << size << " bytes of " << whole.size();
  }
}

TEST(Safetensors, AFileWithFlippedBytesLoadsOrIsRefusedAndNothingElse) {
  // A new name each time: writing over a file waits for the disk.
  const TemporaryFolder folder;
  const std::string whole = read_file(ASSAY_TEST_DATA "/core/reference.safetensors");
  int loaded = 0, refused = 0;
  for (std::uint64_t trial = 0; trial < 4000; ++trial) {
    RandomStream random(1, Purpose::dataset, trial);
    std::string content = whole;
    for (std::uint64_t flips = 1 + random.below(4); flips > 0; --flips)
      content[random.below(content.size())] = static_cast<char>(random.bits());
    const auto path = folder.file(std::to_string(trial), content);
    try {
      const SafetensorsFile file(path);
      // Touch every byte, so that a sanitizer sees a view that leaves the file.
      unsigned sum = 0;
      for (const auto& [name, view] : file.tensors()) {
        ASSERT_GE(view.numel(), 0);
        if (view.type != DType::other) {
          ASSERT_EQ(static_cast<std::size_t>(view.numel()) * size_of(view.type), view.data.size());
        }
        for (const std::byte byte : view.data) sum += static_cast<unsigned>(byte);
      }
      loaded += sum > 0 ? 1 : 0;
    } catch (const InputError&) {
      ++refused;
    }
  }
  EXPECT_GT(loaded, 100);
  EXPECT_GT(refused, 1000);
}

/// A set of two files and its index.
class Set : public TemporaryFolder {
 public:
  Set() {
    write("model-1.safetensors", {"a", "b"});
    write("model-2.safetensors", {"c"});
    index(R"({"a": "model-1.safetensors", "b": "model-1.safetensors", "c": "model-2.safetensors"})");
  }
  /// Tensors of one number, which is the letter's place in the alphabet.
  void write(const char* name, const std::vector<std::string>& tensors) const {
    SafetensorsWriter writer;
    for (const std::string& tensor : tensors) {
      const std::array<float, 1> value{static_cast<float>(tensor[0] - 'a' + 1)};
      writer.add(tensor, {1}, std::span<const float>(value));
    }
    writer.write(*this / name);
  }
  void index(const std::string& map) const {
    file("model.safetensors.index.json", R"({"metadata": {"total_size": 12}, "weight_map": )" + map + "}");
  }
  SafetensorsFile open() const { return SafetensorsFile(*this / "model.safetensors.index.json"); }
  std::string fault() const {
    return message_of<InputError>([&] { open(); });
  }
};

TEST(SafetensorsSet, IsReadAsOneFile) {
  const Set set;
  const SafetensorsFile file = set.open();
  EXPECT_EQ(file.tensors().size(), 3U);
  EXPECT_THAT(file.at("a").f32("a"), ElementsAre(1));
  EXPECT_THAT(file.at("c").f32("c"), ElementsAre(3));
  EXPECT_THAT(message_of<InputError>([&] { file.at("z"); }), HasSubstr("index.json"));
}

TEST(SafetensorsSet, NamesTheFilesThatAreMissing) {
  const Set set;
  std::filesystem::remove(set / "model-2.safetensors");
  EXPECT_THAT(set.fault(),
              AllOf(HasSubstr("index.json"), HasSubstr("1 of its 2 files"), HasSubstr("model-2.safetensors")));
  const std::string longest = std::string(300, 'm') + ".safetensors";  // than which no file's name may be
  set.index(R"({"a": "model-1.safetensors", "b": ")" + longest + R"("})");
  EXPECT_THAT(set.fault(), HasSubstr("is missing beside it: " + longest));
}

TEST(SafetensorsSet, EveryTensorIsWhereTheIndexSays) {
  const Set set;
  set.index(R"({"a": "model-1.safetensors", "b": "model-2.safetensors", "c": "model-2.safetensors"})");
  EXPECT_THAT(set.fault(), HasSubstr("tensor 'b' is in model-1.safetensors, not in model-2.safetensors"));
  set.index(R"({"a": "model-1.safetensors", "b": "model-1.safetensors", "d": "model-2.safetensors"})");
  EXPECT_THAT(set.fault(), HasSubstr("model-2.safetensors has no tensor 'd'"));
  set.index(R"({"a": "model-1.safetensors", "c": "model-2.safetensors"})");
  EXPECT_THAT(set.fault(), HasSubstr("has tensor 'b', which the index does not name"));
}

TEST(SafetensorsSet, NoTensorIsInTwoFiles) {
  const Set set;
  set.write("model-2.safetensors", {"b", "c"});
  EXPECT_THAT(set.fault(), HasSubstr("has tensor 'b', which another file of the set has too"));
}

TEST(SafetensorsSet, RefusesAnIndexThatIsNone) {
  const Set set;
  for (const char* map : {"{}", "[]"}) {
    set.index(map);
    EXPECT_THAT(set.fault(), HasSubstr("no weight_map"));
  }
  for (const char* map : {R"({"a": 1})", R"({"a": "../model-1.safetensors"})", R"({"a": "model.bin"})"}) {
    set.index(map);
    EXPECT_THAT(set.fault(), AllOf(HasSubstr("index.json"), HasSubstr("tensor 'a' is said to be in"))) << map;
  }
}

TEST(Safetensors, AFileThatIsReplacedStaysReadable) {
  const TemporaryFolder folder;
  const auto path = folder.file("weights.safetensors", small_file());
  const SafetensorsFile file(path);
  write_file_atomically(path, "gone");
  EXPECT_EQ(file.at("b").data.size(), 3U);
  EXPECT_EQ(static_cast<char>(file.at("b").data[0]), 'i');
}

TEST(Safetensors, ForgetsATensor) {
  const TemporaryFolder folder;
  SafetensorsFile file(folder.file("weights.safetensors", small_file()));
  file.forget("a");
  EXPECT_FALSE(file.has("a"));
  EXPECT_TRUE(file.has("b"));
}

}  // namespace
}  // namespace assay
