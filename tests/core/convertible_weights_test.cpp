#include "core/convertible_weights.h"

#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "core/error.h"
#include "core/file.h"
#include "core/safetensors.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/throws.h"

namespace assay {
namespace {

using test::message_of;
using test::TemporaryFolder;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const std::string checkpoints = std::string(ASSAY_TEST_DATA) + "/checkpoints/";

std::string refusal(const std::filesystem::path& file) {
  std::string message = message_of<InputError>([&] { const SafetensorsFile opened(file); });
  EXPECT_THAT(message, AllOf(HasSubstr(file.string() + ": not a safetensors file: "), Not(HasSubstr("truncated"))));
  return message;
}

TEST(ForeignWeights, OfPyTorchAreRefusedWithTheCommandThatConvertsThem) {
  for (const char* name : {"zip.pth", "legacy.pth"}) {
    const std::string source = checkpoints + name;
    const std::string target = source.substr(0, source.size() - 4) + ".safetensors";
    EXPECT_THAT(refusal(source), HasSubstr("`python3 tools/convert_weights.py " + source + " " + target + "`"));
  }
}

TEST(ForeignWeights, UnderTheEndingOfSafetensorsAreConvertedToAnotherName) {
  const TemporaryFolder folder;
  const auto file = folder.file("my weights.safetensors", read_file(checkpoints + "zip.pth"));
  const std::string source = file.string(), stem = source.substr(0, source.size() - 12);
  EXPECT_THAT(refusal(file), HasSubstr("convert_weights.py '" + source + "' '" + stem + "-converted.safetensors'`"));
}

TEST(ForeignWeights, AreNamedByTheirContent) {
  const TemporaryFolder folder;
  EXPECT_THAT(refusal(checkpoints + "program.pt"), HasSubstr("TorchScript"));
  EXPECT_THAT(refusal(std::string(ASSAY_TEST_DATA) + "/core/stored.npz"), HasSubstr("a NumPy archive"));
  EXPECT_THAT(refusal(folder.file("a", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n")),
              HasSubstr("git lfs pull"));
  EXPECT_THAT(refusal(folder.file("b", "\n<!DOCTYPE html>\n<html><body>Not found</body></html>")),
              HasSubstr("an HTML page"));
  EXPECT_THAT(refusal(folder.file("c", "<HTML>")), HasSubstr("an HTML page"));
  EXPECT_THAT(refusal(folder.file("d", "\x89HDF\r\n\x1a\n_________")), HasSubstr("HDF5"));
  EXPECT_THAT(refusal(folder.file("e", "\x1f\x8b\x08________")), HasSubstr("gzip"));
  EXPECT_THAT(refusal(folder.file("graph.pb", "\n\x0f\n\x05input\x12\x0bPlaceholder")), HasSubstr("TensorFlow"));
}

TEST(ForeignWeights, WhatNothingIsKnownOfIsADamagedSafetensorsFile) {
  const TemporaryFolder folder;
  EXPECT_THAT(foreign_weights("", "a"), IsEmpty());
  EXPECT_THAT(message_of<InputError>([&] { const SafetensorsFile opened(folder.file("a", "0123456789")); }),
              HasSubstr("truncated?"));
}

std::string hint_of(const std::vector<std::string>& names, DType type = DType::f32,
                    const std::set<DType>& taken = {DType::f32}) {
  const TemporaryFolder folder;
  SafetensorsWriter writer;
  const std::vector<std::byte> zeros(size_of(type));
  for (const std::string& name : names) writer.add(name, type, {1}, zeros);
  const auto file = folder.file("w.safetensors", "");
  writer.write(file);
  return conversion_hint(SafetensorsFile(file), taken);
}

TEST(ConversionHint, NamesThePrefixOfAllKeysAndTheCommand) {
  EXPECT_THAT(hint_of({"module.cls_token", "module.norm.bias"}),
              AllOf(HasSubstr("All keys begin with 'module.'"), HasSubstr("w.safetensors"),
                    HasSubstr("w-converted.safetensors` mends that")));
  EXPECT_THAT(hint_of({"backbone.cls_token", "head.bias"}), HasSubstr("Some keys begin with 'backbone.'"));
  EXPECT_THAT(hint_of({"cls_token"}, DType::f16), HasSubstr("Numbers are F16 instead of F32"));
}

TEST(ConversionHint, IsEmptyWhereConvertingChangesNothing) {
  EXPECT_THAT(hint_of({"cls_token", "norm.bias"}), IsEmpty());
  EXPECT_THAT(hint_of({}), IsEmpty());
  EXPECT_THAT(hint_of({"cls_token"}, DType::f16, {DType::f16, DType::f32}), IsEmpty());
}

}  // namespace
}  // namespace assay
