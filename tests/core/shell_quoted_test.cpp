#include "core/shell_quoted.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <string>

namespace assay {
namespace {

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
