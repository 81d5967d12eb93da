#include "core/numbers.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>
#include <vector>

#include "core/error.h"
#include "tests/support/throws.h"

namespace assay {
namespace {

using test::message_of;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

template <class T>
std::vector<float> floats(DType type, const std::vector<T>& values) {
  std::vector<float> out(values.size());
  EXPECT_EQ(convert_to_float(type, std::as_bytes(std::span(values)), out), std::nullopt);
  return out;
}

/// The value of a float16 by the definition of IEEE 754.
float by_definition(std::uint32_t bits) {
  const std::uint32_t exponent = bits >> 10 & 31, fraction = bits & 1023;
  const double sign = (bits & 0x8000) != 0 ? -1 : 1;
  if (exponent == 31) return static_cast<float>(fraction != 0 ? std::nan("") : sign * HUGE_VAL);
  if (exponent == 0) return static_cast<float>(sign * std::ldexp(fraction, -24));
  return static_cast<float>(sign * std::ldexp(1024 + fraction, static_cast<int>(exponent) - 25));
}

TEST(Numbers, EveryFloat16IsItself) {
  std::vector<std::uint16_t> all(65536);
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::uint16_t>(i);
  const std::vector<float> found = floats(DType::f16, all);
  for (std::uint32_t i = 0; i < 65536; ++i) {
    const float expected = by_definition(i);
    if (std::isnan(expected))
      ASSERT_TRUE(std::isnan(found[i])) << i;
    else
      ASSERT_TRUE(found[i] == expected && std::signbit(found[i]) == std::signbit(expected)) << i;
  }
}

TEST(Numbers, Bfloat16IsTheUpperHalfOfAFloat) {
  EXPECT_THAT(floats<std::uint16_t>(DType::bf16, {0x3F80, 0xC020, 0x7F7F}), ElementsAre(1, -2.5, 3.3895314e38F));
}

TEST(Numbers, IntegersAreExactOrNamed) {
  EXPECT_THAT(floats<std::int8_t>(DType::i8, {-128, 127}), ElementsAre(-128, 127));
  EXPECT_THAT(floats<std::uint8_t>(DType::boolean, {0, 1, 2}), ElementsAre(0, 1, 1));
  EXPECT_THAT(floats<std::uint16_t>(DType::u16, {65535}), ElementsAre(65535));
  EXPECT_THAT(floats<std::int32_t>(DType::i32, {-16777216, 16777216}), ElementsAre(-16777216, 16777216));
  const std::vector<std::int64_t> large = {1, -16777217, 16777217};
  std::vector<float> out(3);
  EXPECT_EQ(convert_to_float(DType::i64, std::as_bytes(std::span(large)), out), std::size_t{1});
}

TEST(Numbers, WholeFloatsAreIntegersAndOthersAreNot) {
  const auto view = [](DType type, const auto& values) {
    return TensorView{type, {static_cast<std::int64_t>(values.size())}, std::as_bytes(std::span(values))};
  };
  const std::vector<double> whole = {3, -1, 9007199254740992.0}, half = {3, 0.5};
  EXPECT_THAT(integers_of(view(DType::f64, whole), "x"), ElementsAre(3, -1, std::int64_t{1} << 53));
  EXPECT_THAT(message_of<InputError>([&] { integers_of(view(DType::f64, half), "file: 'x'"); }),
              AllOf(HasSubstr("file: 'x'"), HasSubstr("0.5")));
  for (const double odd : {std::nan(""), HUGE_VAL, 0x1p63})
    EXPECT_THROW(integers_of(view(DType::f64, std::vector<double>{odd}), "x"), InputError) << odd;
  const std::vector<std::uint64_t> most = {std::numeric_limits<std::uint64_t>::max()};
  EXPECT_THROW(integers_of(view(DType::u64, most), "x"), InputError);
  EXPECT_THAT(doubles_of(view(DType::u64, std::vector<std::uint64_t>{7}), "x"), ElementsAre(7));
}

}  // namespace
}  // namespace assay
