#include "core/phrases.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <string>

namespace assay {
namespace {

TEST(Counted, HasASingularAndAPlural) {
  EXPECT_EQ(counted(0, "image"), "0 images");
  EXPECT_EQ(counted(1, "image"), "1 image");
  EXPECT_EQ(counted(2, "image"), "2 images");
  EXPECT_EQ(counted(1, "entry", "entries"), "1 entry");
  EXPECT_EQ(counted(3, "entry", "entries"), "3 entries");
}

TEST(FirstFew, NamesThreeAndCountsTheRest) {
  EXPECT_EQ(first_few({}), "");
  EXPECT_EQ(first_few({"a"}), "a");
  EXPECT_EQ(first_few({"a", "b", "c"}), "a, b, c");
  EXPECT_EQ(first_few({"a", "b", "c", "d", "e"}), "a, b, c and 2 more");
}

TEST(OneLine, HoldsNothingThatEndsALineOrSteersATerminal) {
  EXPECT_EQ(one_line("a.npz: 'x' has no \"rows\""), "a.npz: 'x' has no \"rows\"");
  EXPECT_EQ(one_line("caf\xC3\xA9"), "caf\xC3\xA9");
  EXPECT_EQ(one_line("a\nb\r\tc\x1B[2Jd\x7F"), "a?b??c?[2Jd?");
  EXPECT_EQ(one_line(std::string(3, '\0')), "???");
}

TEST(OneLine, IsNoLongerThanAPage) {
  EXPECT_EQ(one_line(std::string(2000, 'a')), std::string(2000, 'a'));
  const std::string cut = one_line(std::string(5000, 'a'));
  EXPECT_EQ(cut.substr(0, 2000), std::string(2000, 'a'));
  EXPECT_EQ(cut.substr(2000), "...");
}

TEST(ShellQuoted, LeavesPlainWordsAlone) {
  EXPECT_EQ(shell_quoted("train.steps=500"), "train.steps=500");
  EXPECT_EQ(shell_quoted("results/a-b_c.db"), "results/a-b_c.db");
}

TEST(ShellQuoted, IsOneWordToAShellWhateverItHolds) {
  for (const std::string word : {"", "a b", "it's", "$(false)", "a;b", "\"x\"", "*", "a\\b"}) {
    FILE* pipe = ::popen(("printf '[%s]' " + shell_quoted(word)).c_str(), "r");
    ASSERT_NE(pipe, nullptr);
    std::string said;
    for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) said += static_cast<char>(c);
    ::pclose(pipe);
    EXPECT_EQ(said, "[" + word + "]");
  }
}

}  // namespace
}  // namespace assay
