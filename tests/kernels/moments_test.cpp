#include "kernels/moments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kernels/thread_count.h"
#include "tests/support/tensors.h"

namespace assay {
namespace {

using test::normal;
using test::same_bits;
using test::values;

class Moments : public test::OnEachDevice {};
ASSAY_TEST_ON_EACH_DEVICE(Moments);

TEST_P(Moments, GivesTheSumsWorkedByHand) {
  const auto out = moments(values({1, 2, -3, 0.5f, 0, 4}, {2, 3}, device));
  EXPECT_TRUE(same_bits(out.sum, values({1.5f, 2, 1}, device).to(at::kDouble)));
  EXPECT_TRUE(same_bits(out.outer, values({1.25f, 2, -1, 2, 4, -6, -1, -6, 25}, {3, 3}, device).to(at::kDouble)));
}

TEST_P(Moments, IsExactWhereFloatWouldRound) {
  const float a = 1.0f + 0x1.0p-23f;
  const auto out = moments(values({a}, {1, 1}, device));
  EXPECT_EQ(out.outer.item<double>(), double{a} * a);
  EXPECT_NE(out.outer.item<double>(), double{a * a});
}

// Row after row, in double: the definition.
TEST_P(Moments, GivesTheBitsOfThePlainLoopAtEveryWidth) {
  for (const int64_t width : {1, 3, 4, 12, 13, 64, 97}) {  // around the tiles of both implementations
    const auto rows = normal({257, width}, 1, device);
    const auto out = moments(rows);
    const auto host = rows.cpu();
    const float* x = host.const_data_ptr<float>();
    const auto outer = out.outer.cpu(), sum = out.sum.cpu();
    for (int64_t i = 0; i < width; ++i) {
      double total = 0.0;
      for (int64_t r = 0; r < 257; ++r) total += x[r * width + i];
      ASSERT_EQ(sum.const_data_ptr<double>()[i], total) << width;
      for (int64_t j = 0; j < width; ++j) {
        double product = 0.0;
        for (int64_t r = 0; r < 257; ++r) product += double{x[r * width + i]} * x[r * width + j];
        ASSERT_EQ(outer.const_data_ptr<double>()[i * width + j], product) << width << ": " << i << ", " << j;
      }
    }
  }
}

TEST_P(Moments, DoesNotDependOnThreads) {
  const auto rows = normal({256, 200}, 3, device);
  const auto many = moments(rows);
  const ThreadCount one(1);
  EXPECT_TRUE(same_bits(moments(rows).outer, many.outer));
}

TEST_P(Moments, NoRowsGiveZeros) {
  const auto out = moments(normal({0, 5}, 1, device));
  EXPECT_EQ(out.outer.abs().sum().item<double>(), 0.0);
  EXPECT_EQ(out.sum.abs().sum().item<double>(), 0.0);
  EXPECT_EQ(out.outer.size(1), 5);
}

TEST_P(Moments, SaysWhatIsWrong) {
  EXPECT_THAT([&] { moments(normal({4}, 1, device)); },
              ::testing::ThrowsMessage<c10::Error>(::testing::HasSubstr("needs rows [N, D], got [4]")));
  EXPECT_THAT(
      [&] {
        moments(normal({4, 2}, 1, device).to(at::kDouble));
      },
      ::testing::ThrowsMessage<c10::Error>(::testing::HasSubstr("needs float32")));
}

}  // namespace
}  // namespace assay
