#include "kernels/chosen_rows.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/support/tensors.h"

namespace assay {
namespace {

using test::same_bits;
using test::values;

TEST(ChosenRows, AreCopiedInTheOrderOfTheirNumbersAsOftenAsTheyAreNamed) {
  const auto rows = values({1, 2, 3, 4, 5, 6}, {3, 2});
  const std::vector<std::int64_t> numbers = {2, 0, 2};
  const auto chosen = chosen_rows(rows, numbers);
  EXPECT_TRUE(same_bits(chosen, values({5, 6, 1, 2, 5, 6}, {3, 2})));
  chosen.zero_();
  EXPECT_TRUE(same_bits(rows, values({1, 2, 3, 4, 5, 6}, {3, 2})));
}

TEST(ChosenRows, NoneOfThemKeepTheWidth) {
  EXPECT_EQ(chosen_rows(values({1, 2, 3, 4}, {2, 2}), {}).sizes(), (std::vector<std::int64_t>{0, 2}));
}

}  // namespace
}  // namespace assay
