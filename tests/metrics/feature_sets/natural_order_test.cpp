#include "metrics/feature_sets/natural_order.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace assay {
namespace {

using ::testing::ElementsAreArray;

/// Every permutation of a few names is sorted to the same list.
void expect_order(std::vector<std::string> wanted) {
  std::vector<std::string> names = wanted;
  std::sort(names.begin(), names.end());
  do {
    std::vector<std::string> sorted = names;
    std::sort(sorted.begin(), sorted.end(), natural_less);
    EXPECT_THAT(sorted, ElementsAreArray(wanted));
  } while (std::next_permutation(names.begin(), names.end()));
}

TEST(NaturalOrder, DigitsCountAsNumbers) {
  expect_order({"1", "2", "10", "11", "100"});
  expect_order({"img2-9", "img2-10", "img10-1", "imga"});
}

TEST(NaturalOrder, NumbersBeyondEveryIntegerAreCompared) {
  expect_order({"9", "18446744073709551615", "18446744073709551616", "100000000000000000000000"});
}

TEST(NaturalOrder, NamesWithoutDigitsStandInTheOrderOfTheirBytes) { expect_order({"Dog", "cat", "fox", "\xC3\xA9"}); }

TEST(NaturalOrder, OfEqualNumbersTheShorterRunComesFirst) {
  expect_order({"1", "01", "001", "1a", "01a"});
  expect_order({"a1b02", "a01b2", "a1b3"});
}

TEST(NaturalOrder, AFoldersEntriesStayTogether) { expect_order({"cat/2", "cat/10", "cat 2/1", "cat-2/1"}); }

TEST(NaturalOrder, NothingComesBeforeItself) {
  for (const char* name : {"", "0", "00", "a1", "/"}) EXPECT_FALSE(natural_less(name, name));
}

TEST(NaturalOrder, ZerosAloneAreOneZero) {
  EXPECT_EQ(without_leading_zeros("000"), "0");
  EXPECT_EQ(without_leading_zeros("0070"), "70");
}

}  // namespace
}  // namespace assay
