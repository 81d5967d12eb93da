#include "reproductions/class_tokens/algorithm/token_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <span>

#include "core/error.h"
#include "core/safetensors.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tensors.h"
#include "tests/support/throws.h"

namespace assay::class_tokens {
namespace {

using test::message_of;
using test::TemporaryFolder;
using ::testing::HasSubstr;

TokenFile token() {
  return {.row = test::normal({6}, 3),
          .token = "newclas",
          .initial_word = "a",
          .encoder = "abc",
          .mode = "faithful",
          .seed = 18446744073709551615U,
          .other_rows_scale = 0.99998750015625};
}

TEST(TokenFile, ReadsBackWhatWasWritten) {
  const TemporaryFolder folder;
  write_token(folder / "token.safetensors", token());
  const TokenFile read = read_token(folder / "token.safetensors", 6, "abc");
  EXPECT_TRUE(test::same_bits(read.row, token().row));
  EXPECT_EQ(read.token, "newclas");
  EXPECT_EQ(read.initial_word, "a");
  EXPECT_EQ(read.mode, "faithful");
  EXPECT_EQ(read.seed, 18446744073709551615U);
  EXPECT_EQ(read.other_rows_scale, 0.99998750015625);
}

TEST(TokenFile, IsRefusedForAnotherEncoderWidthTypeOrWithoutItsMetadata) {
  const TemporaryFolder folder;
  write_token(folder / "token.safetensors", token());
  const auto fault = [&](const char* name, std::int64_t width, const char* encoder) {
    return message_of<InputError>([&] { read_token(folder / name, width, encoder); });
  };
  EXPECT_THAT(fault("token.safetensors", 6, "xyz"), HasSubstr("learned for another text encoder (abc); accepted: xyz"));
  EXPECT_THAT(fault("token.safetensors", 8, "abc"),
              HasSubstr("row is [6]; accepted: [8], the width of the text encoder"));

  SafetensorsWriter half;
  const std::array<std::byte, 12> zeros{};
  half.add("row", DType::f16, {6}, std::span<const std::byte>(zeros));
  half.write(folder / "half.safetensors");
  EXPECT_THAT(fault("half.safetensors", 6, ""), HasSubstr("row is F16; accepted: F32"));

  SafetensorsWriter bare;
  const std::array<float, 6> row{};
  bare.add("row", {6}, std::span<const float>(row));
  bare.write(folder / "bare.safetensors");
  EXPECT_THAT(fault("bare.safetensors", 6, ""), HasSubstr("no token: metadata 'encoder' is absent"));
}

}  // namespace
}  // namespace assay::class_tokens
