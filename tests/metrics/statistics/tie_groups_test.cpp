#include "metrics/statistics/tie_groups.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"

namespace assay {
namespace {

using Pairs = std::vector<std::pair<std::int64_t, std::int64_t>>;
using ::testing::ElementsAre;

TEST(TieGroups, NothingApartIsOneGroup) { EXPECT_THAT(tie_groups(3, {}), ElementsAre("a", "a", "a")); }

TEST(TieGroups, OnlyTheEndsApartOverlapInTheMiddle) {
  const Pairs apart = {{0, 2}};
  EXPECT_THAT(tie_groups(3, apart), ElementsAre("a", "ab", "b"));
}

TEST(TieGroups, AllApartHaveTheirOwnLetters) {
  const Pairs apart = {{0, 1}, {0, 2}, {1, 2}};
  EXPECT_THAT(tie_groups(3, apart), ElementsAre("a", "b", "c"));
}

// The rule itself, on every set of differences among four items.
TEST(TieGroups, ItemsShareALetterExactlyWhereTheyAreNotApart) {
  const Pairs all = {{0, 1}, {0, 2}, {0, 3}, {1, 2}, {1, 3}, {2, 3}};
  for (unsigned chosen = 0; chosen < 64; ++chosen) {
    Pairs apart;
    for (std::size_t i = 0; i < 6; ++i)
      if ((chosen >> i & 1u) != 0) apart.push_back(all[i]);
    const auto letters = tie_groups(4, apart);
    for (std::size_t i = 0; i < 6; ++i) {
      const auto& [a, b] = all[i];
      const bool shared =
          letters[static_cast<std::size_t>(a)].find_first_of(letters[static_cast<std::size_t>(b)]) != std::string::npos;
      EXPECT_EQ(shared, (chosen >> i & 1u) == 0) << chosen << " " << a << " " << b;
    }
  }
}

TEST(TieGroups, LettersGoOnBeyondTheAlphabet) {
  Pairs apart;  // all, but for the last two
  for (std::int64_t i = 0; i < 30; ++i)
    for (std::int64_t j = i + 1; j < 30; ++j)
      if (i < 28) apart.emplace_back(i, j);
  const auto letters = tie_groups(30, apart);
  EXPECT_EQ(letters[0], "a");
  EXPECT_EQ(letters[25], "z");
  EXPECT_EQ(letters[26], "aa");
  EXPECT_EQ(letters[27], "ab");
  EXPECT_EQ(letters[28], "ac");
  EXPECT_EQ(letters[29], "ac");
  apart.pop_back();  // 27 and 29 are not told apart: 29 has two groups
  EXPECT_EQ(tie_groups(30, apart)[29], "ab,ac");
}

TEST(TieGroups, PairsOutOfRangeAreRefused) {
  const Pairs apart = {{0, 3}};
  EXPECT_THROW(tie_groups(3, apart), InputError);
}

}  // namespace
}  // namespace assay
