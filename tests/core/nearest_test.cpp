#include "core/nearest.h"

#include <gtest/gtest.h>

#include <string>

namespace assay {
namespace {

TEST(Nearest, FindsOneSlipOfEachKind) {
  const std::vector<std::string> names{"schedule", "sampler", "guidance"};
  EXPECT_EQ(nearest_name("schedul", names), "schedule");
  EXPECT_EQ(nearest_name("scheedule", names), "schedule");
  EXPECT_EQ(nearest_name("guidence", names), "guidance");
  EXPECT_EQ(nearest_name("smapler", names), "sampler");
  EXPECT_EQ(nearest_name("sampler", names), "sampler");
}

TEST(Nearest, IsSilentWhenNothingIsNear) {
  EXPECT_EQ(nearest_name("banana", {"schedule", "sampler"}), "");
  EXPECT_EQ(nearest_name("x", {}), "");
}

TEST(Nearest, AllowsAThirdOfTheLongerWordAndNoMore) {
  EXPECT_EQ(nearest_name("abcdefghi", {"abcdefxyz"}), "abcdefxyz");  // 3 edits of 9 letters
  EXPECT_EQ(nearest_name("abcdefghi", {"abcdewxyz"}), "");           // 4 edits
  EXPECT_EQ(nearest_name("abc", {"axy"}), "axy");                    // two edits are always allowed
  EXPECT_EQ(nearest_name("abc", {"xyz"}), "");
}

TEST(Nearest, CountsAnInsertedOrDroppedLetterAsOneEdit) {
  EXPECT_EQ(nearest_name("abcdef", {"abcdefxyz"}), "abcdefxyz");  // 3 edits of 9 letters
  EXPECT_EQ(nearest_name("abcdefxyz", {"abcdef"}), "abcdef");
  EXPECT_EQ(nearest_name("abcde", {"abcdewxyz"}), "");  // 4 edits
}

TEST(Nearest, PrefersFewerEditsThenTheEarlierName) {
  EXPECT_EQ(nearest_name("steps", {"stops", "steps2", "step"}), "stops");
  EXPECT_EQ(nearest_name("stepz", {"stoop", "steps"}), "steps");
}

TEST(Nearest, MessageNamesKindWordSuggestionAndAllKnown) {
  EXPECT_EQ(unknown_name_message("tier", "mni", {"smoke", "mini"}),
            "unknown tier 'mni'; did you mean 'mini'? known: smoke, mini");
  EXPECT_EQ(unknown_name_message("tier", "enormous", {"smoke", "mini"}), "unknown tier 'enormous'; known: smoke, mini");
}

TEST(FindNamed, GivesTheRowItselfOrSaysWhichNamesThereAre) {
  struct Row {
    const char* id;
    std::string title;
  };
  const std::vector<Row> table = {{"one", "first"}, {"two", "second"}};
  EXPECT_EQ(&find_named(table, &Row::id, "row", "two"), &table[1]);
  EXPECT_EQ(&find_named(table, &Row::title, "title", "first"), &table[0]);
  try {
    find_named(table, &Row::id, "row", "tow");
    FAIL() << "found a row of another name";
  } catch (const InputError& error) {
    EXPECT_STREQ(error.what(), "unknown row 'tow'; did you mean 'two'? known: one, two");
  }
}

TEST(Nearest, JoinPutsTheSeparatorBetween) {
  EXPECT_EQ(join({}), "");
  EXPECT_EQ(join({"a"}), "a");
  EXPECT_EQ(join({"a", "b", "c"}, "|"), "a|b|c");
}

}  // namespace
}  // namespace assay
